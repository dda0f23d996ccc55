/**
 * A corpus of things that look like secrets: 200 that would be if they were real, 200 that are none. All are drawn from a seed, none was ever
 * issued, and none stands in this file: they are put together from parts, so that no scanner takes the repository for leaky.
 */

export interface SecretCase {
  readonly family: string;
  readonly text: string;
  /** What must not be there afterwards. */
  readonly secrets: readonly string[];
}

export interface HarmlessCase {
  readonly family: string;
  readonly text: string;
}

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const HEX = "0123456789abcdef";
const BASE62 = LOWER + UPPER + DIGITS;
const BASE64URL = `${BASE62}-_`;
const BASE64 = `${BASE62}+/`;

/** Mulberry32. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Draw {
  readonly #roll: () => number;

  constructor(seed: number) {
    this.#roll = dice(seed);
  }

  of(alphabet: string, length: number): string {
    let text = "";
    while (text.length < length) text += alphabet[Math.floor(this.#roll() * alphabet.length)];
    return text;
  }

  one<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#roll() * choices.length)] as T;
  }

  uuid(): string {
    return [8, 4, 4, 4, 12].map((length) => this.of(HEX, length)).join("-");
  }

  /** As a password manager makes them: all kinds of characters, for sure. */
  password(length = 14, symbols = "!#%*^~=?."): string {
    return (
      this.of(UPPER, 2) + this.of(DIGITS, 2) + this.of(LOWER, 2) + this.of(symbols, 1) + this.of(BASE62, length - 7)
    );
  }

  lines(count: number, length = 64): readonly string[] {
    return Array.from({ length: count }, () => this.of(BASE64, length));
  }
}

const join = (...parts: readonly string[]): string => parts.join("");
const DASHES = "-".repeat(5);
const mark = (edge: string, kind: string): string => join(DASHES, edge, " ", kind, DASHES);
const base64url = (text: string): string => Buffer.from(text).toString("base64url");

/** Where a token may turn up in a rollout. */
const PLACES: readonly ((token: string) => string)[] = [
  (token) => `The key is ${token}, please keep it.`,
  (token) => `export SERVICE_VALUE=${token}\necho done`,
  (token) => JSON.stringify({ name: "run", value: token }),
  (token) => JSON.stringify({ arguments: JSON.stringify({ body: `first\n${token}\nlast` }) }),
  (token) => `\u001b[32m${token}\u001b[0m was printed`,
  (token) => `$ curl "https://api.acme.test/v1/items?value=${token}&page=2"`,
  (token) => `- name: CI\n  value: '${token}'\n`,
  (token) => JSON.stringify({ [token]: { used: 3 } }),
];

type TokenMaker = (draw: Draw) => string;

const TOKENS: Readonly<Record<string, TokenMaker>> = {
  openai: (draw) => join("s", "k-", draw.of(BASE62, 20), "T3Blbk", "FJ", draw.of(BASE62, 20)),
  "openai-project": (draw) => join("sk", "-proj-", draw.of(BASE64URL, 74), "T3Blbk", "FJ", draw.of(BASE64URL, 74)),
  "openai-shape": (draw) => join("sk", draw.one(["-proj-", "-svcacct-", "-"]), draw.of(BASE62, 48)),
  anthropic: (draw) => join("sk", "-ant-", "api03-", draw.of(BASE64URL, 93), "AA"),
  "other-sk": (draw) => join("s", "k-", draw.one(["or-v1-", ""]), draw.of(HEX, 64)),
  github: (draw) => join("gh", draw.one(["p", "o", "s", "u", "r"]), "_", draw.of(BASE62, 36)),
  "github-pat": (draw) => join("github", "_pat_", draw.of(BASE62, 22), "_", draw.of(BASE62, 59)),
  jwt: (draw) =>
    [
      base64url('{"alg":"HS256","typ":"JWT"}'),
      base64url(`{"sub":"${draw.of(DIGITS, 10)}"}`),
      draw.of(BASE64URL, 43),
    ].join("."),
  slack: (draw) =>
    join(
      "xo",
      draw.one(["xb", "xp", "xa"]),
      "-",
      draw.of(DIGITS, 12),
      "-",
      draw.of(DIGITS, 12),
      "-",
      draw.of(BASE62, 24),
    ),
  stripe: (draw) => join(draw.one(["s", "r"]), "k_", draw.one(["live", "test"]), "_", draw.of(BASE62, 24)),
  google: (draw) => join("AI", "za", draw.of(BASE64URL, 35)),
  npm: (draw) => join("np", "m_", draw.of(BASE62, 36)),
  gitlab: (draw) => join("gl", "pat-", draw.of(BASE62, 20)),
  "hugging-face": (draw) => join("h", "f_", draw.of(BASE62, 34)),
  "aws-id": (draw) => join("AK", "IA", draw.of(`${UPPER}234567`, 16)),
};

/** A private key of whatever kind, without its marks. */
function armoured(draw: Draw): readonly [name: string, body: readonly string[]] {
  const name = join(draw.one(["RSA ", "EC ", "", "OPENSSH "]), "PRIVATE", " KEY");
  return [name, [...draw.lines(6), `${draw.of(BASE64, 30)}==`]];
}

type CaseMaker = (draw: Draw, index: number) => Omit<SecretCase, "family">;

const CASES: Readonly<Record<string, CaseMaker>> = {
  "aws-pair": (draw, index) => {
    const [id, key] = [join("AK", "IA", draw.of(`${UPPER}234567`, 16)), draw.of(BASE64, 40)];
    const texts = [
      `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${key}\n`,
      `AWS Access Key ID [None]: ${id}\nAWS Secret Access Key [None]: ${key}\n`,
      JSON.stringify({ AccessKeyId: id, SecretAccessKey: key, Expiration: "2026-11-21T12:00:00Z" }),
      `${id}\t${key}`,
    ];
    return { text: texts[index % texts.length] as string, secrets: [id, key] };
  },
  "aws-secret": (draw, index) => {
    const key = draw.of(BASE64, 40);
    return { text: index % 2 === 0 ? `AWS_SECRET_ACCESS_KEY=${key}` : `"secretAccessKey": "${key}",`, secrets: [key] };
  },
  pem: (draw, index) => {
    const [name, body] = armoured(draw);
    const whole = [mark("BEGIN", name), ...body, mark("END", name)];
    const texts = [
      whole.join("\n"),
      JSON.stringify({ private_key: `${whole.join("\n")}\n`, client_id: "1" }),
      JSON.stringify({ arguments: JSON.stringify({ key: whole.join("\n") }) }),
      `$ cat key\n${whole.slice(0, -2).join("\n")}\n… 12 lines left out …`,
      `… 3 lines left out …\n${whole.slice(2).join("\n")}\n$ `,
      whole.map((line) => `    ${line}`).join("\r\n"),
    ];
    return { text: texts[index % texts.length] as string, secrets: body.slice(1, -1) };
  },
  "connection-string": (draw, index) => {
    const password = index % 4 === 0 ? draw.of(BASE62, 10) : draw.password(16, "!#%*^~.");
    const scheme = ["postgres", "mysql", "mongodb+srv", "redis", "amqp", "postgresql"][index % 6] as string;
    const user = scheme === "redis" ? "" : "app";
    const url = `${scheme}://${user}:${password}@db-7.internal:5432/app?ssl=true`;
    return {
      text: index % 3 === 0 ? JSON.stringify({ DATABASE_URL: url, port: 1 }) : `DATABASE_URL=${url}`,
      secrets: [password],
    };
  },
  "url-password": (draw, index) => {
    const password = draw.of(BASE62, 18);
    const host = ["git.acme.test/team/app.git", "ftp.acme.test/x", "mirror.acme.test"][index % 3] as string;
    return { text: `git clone https://deploy:${password}@${host}`, secrets: [password] };
  },
  authorization: (draw, index) => {
    const opaque = draw.of(BASE64URL, 40);
    const basic = Buffer.from(`app:${draw.password()}`).toString("base64");
    const texts = [
      [`curl -H "Authorization: Bearer ${opaque}" https://api.acme.test`, opaque],
      [`authorization: Basic ${basic}`, basic],
      [JSON.stringify({ headers: { Authorization: `Bearer ${opaque}` } }), opaque],
      [`-> sent "Bearer ${opaque}" and got 401`, opaque],
      [`headers["Authorization"] = "Token ${opaque}"`, opaque],
    ] as const;
    const [text, secret] = texts[index % texts.length] as (typeof texts)[number];
    return { text, secrets: [secret] };
  },
  password: (draw, index) => {
    const password = draw.password();
    const texts = [
      `DB_PASSWORD=${password}`,
      `password: "${password}"`,
      JSON.stringify({ user: "app", password }),
      JSON.stringify({ arguments: JSON.stringify({ user: "app", passwd: password }) }),
      `Server=db;User Id=app;Password=${password};Encrypt=true`,
      `mysqladmin --password=${password} status`,
      `<password>${password}</password>`,
      `passphrase => '${password}'`,
    ];
    return { text: texts[index % texts.length] as string, secrets: [password] };
  },
  "api-key": (draw, index) => {
    const key = draw.of(index % 2 === 0 ? HEX : BASE62, 32);
    const texts = [
      `ACME_API_KEY=${key}`,
      `api_key: ${key}`,
      `"clientSecret": "${key}"`,
      `x-api-key: ${key}`,
      `const accessToken = "${key}";`,
      `https://api.acme.test/v1?access_token=${key}&page=2`,
      `acme login --token ${key}`,
      JSON.stringify({ a: JSON.stringify({ "encryption-key": key }) }),
    ];
    return { text: texts[index % texts.length] as string, secrets: [key] };
  },
  azure: (draw) => {
    const key = `${draw.of(BASE64, 86)}==`;
    return {
      text: `DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=${key};EndpointSuffix=core`,
      secrets: [key],
    };
  },
  "slack-hook": (draw) => {
    const secret = draw.of(BASE62, 24);
    const [team, bot] = [draw.of(UPPER + DIGITS, 8), draw.of(UPPER + DIGITS, 8)];
    return {
      text: join("POST https://hooks.slack", ".com/services/T", team, "/B", bot, "/", secret),
      secrets: [secret],
    };
  },
};

/** In turn from each family until there are enough. */
function taken<T>(count: number, makers: readonly ((round: number) => T)[]): readonly T[] {
  return Array.from({ length: count }, (_, index) => {
    return (makers[index % makers.length] as (round: number) => T)(Math.floor(index / makers.length));
  });
}

export function trueSecrets(count = 200, seed = 7): readonly SecretCase[] {
  const draw = new Draw(seed);
  const tokens = Object.entries(TOKENS).map(([family, make], number) => (round: number): SecretCase => {
    const token = make(draw);
    return {
      family,
      text: (PLACES[(round + number) % PLACES.length] as (token: string) => string)(token),
      secrets: [token],
    };
  });
  const cases = Object.entries(CASES).map(([family, make]) => (round: number): SecretCase => ({
    family,
    ...make(draw, round),
  }));
  return taken(count, [...tokens, ...cases]);
}

type Harmless = (draw: Draw, round: number) => string;

const HARMLESS: Readonly<Record<string, Harmless>> = {
  commit: (draw) => `commit ${draw.of(HEX, 40)}\nAuthor: A. Person <a@acme.test>`,
  "short-commit": (draw) => `${draw.of(HEX, 7)}..${draw.of(HEX, 7)} main -> main`,
  uuid: (draw) => `thread ${draw.uuid()} was forked from ${draw.uuid()}`,
  "session-token-id": (draw) => `token: ${draw.uuid()}`,
  sha256: (draw) => `${draw.of(HEX, 64)}  dist/app.tar.gz`,
  digest: (draw) => `image: acme/app@sha256:${draw.of(HEX, 64)}`,
  integrity: (draw) => `"integrity": "sha512-${draw.of(BASE64, 86)}==",`,
  "data-url": (draw) => `<img src="data:image/png;base64,${draw.of(BASE64, 600)}==">`,
  base64: (draw) => draw.lines(4, 76).join("\n"),
  "public-key": (draw) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5${draw.of(BASE64, 48)} me@host`,
  certificate: (draw) => [mark("BEGIN", "CERTIFICATE"), ...draw.lines(5), mark("END", "CERTIFICATE")].join("\n"),
  path: (draw) =>
    `/home/dev/projects/app-${draw.of(LOWER, 5)}/node_modules/@scope/token-store/lib/password.js:${draw.of("123456789", 3)}`,
  "chunk-file": (draw) =>
    `dist/assets/index-${draw.of(BASE64URL, 8)}.js  ${draw.of("123456789", 3)}.12 kB │ gzip: 4 kB`,
  "call-id": (draw) => JSON.stringify({ call_id: `call_${draw.of(BASE62, 24)}`, id: `msg_${draw.of(HEX, 48)}` }),
  "css-class": (draw) =>
    `.sk-${draw.one(["loading", "spinner", "folding"])}-cube-${draw.one(["container", "wrapper"])}-wide-layout { width: ${draw.of("123", 2)}px }`,
  placeholder: (draw, round) =>
    [
      "export OPENAI_API_KEY=sk-...",
      'api_key = "your-api-key"',
      "Authorization: Bearer <token>",
      "password: example",
      "OPENAI_API_KEY=sk-your-key-here-1234567890",
      "Authorization: Bearer YOUR_ACCESS_TOKEN",
      "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      "token: ************",
    ][round % 8] as string,
  code: (draw, round) =>
    [
      "const token = await getAccessToken(session);",
      "password: string; secret?: string;",
      'api_key = os.environ["ACME_API_KEY"]',
      "if (password !== request.body.passwordAgain) throw new Error('mismatch');",
      "secret: process.env.SESSION_SECRET2,",
      "auth_token=$(cat /run/token)",
      "self.password = hash_password(password, rounds=12)",
      "private_key = load_pem_private_key(data, password=None)",
    ][round % 8] as string,
  variable: (draw, round) =>
    [
      "DB_PASSWORD=$DB_PASSWORD npm start",
      "password: ${{ secrets.DEPLOY_PASSWORD }}",
      "postgres://app:${DB_PASSWORD}@db/app",
      "https://user:$TOKEN@git.acme.test/x.git",
      "secret: {{ vault_secret_2 }}",
      "mysql://%s:%s@%s/app",
      "--token $TOKEN --password-file /run/x1",
      "token = <your token of 40 characters>",
    ][round % 8] as string,
  "local-url": (draw) => `postgres://postgres:postgres@localhost:${draw.of("123456789", 4)}/test`,
  "host-port": (draw) => `http://localhost:${draw.of("123456789", 4)}/img/logo@2x.png and git@github.com:acme/app.git`,
  numbers: (draw) => `max_tokens=${draw.of("123456789", 4)}, total_token: ${draw.of("123456789", 6)}, tokens: 12.5`,
  prose: (draw, round) =>
    [
      "Password: must have at least 8 characters, 1 digit and 1 symbol.",
      "The bearer token is refreshed by the authentication-middleware-implementation.",
      "Her secret: practice-makes-perfect. The key: patience.",
      "I set the token: see docs/authentication/tokens.md for details",
      "Basic authentication is used; the password is asked for.",
    ][round % 5] as string,
  trace: (draw) => `traceparent: 00-${draw.of(HEX, 32)}-${draw.of(HEX, 16)}-01`,
  etag: (draw) => `ETag: W/"${draw.of(BASE62, 27)}"`,
  "empty-key": (draw) =>
    [
      mark("BEGIN", join("PRIVATE", " KEY")),
      draw.one(["...", "MIIE...", "<your key>"]),
      mark("END", join("PRIVATE", " KEY")),
    ].join("\n"),
};

export function harmlessTexts(count = 200, seed = 11): readonly HarmlessCase[] {
  const draw = new Draw(seed);
  const makers = Object.entries(HARMLESS).map(([family, make]) => (round: number): HarmlessCase => ({
    family,
    text: make(draw, round),
  }));
  return taken(count, makers);
}
