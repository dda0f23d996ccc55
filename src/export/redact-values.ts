/**
 * Whether a piece of text looks like something that a machine drew by lot, or like a word that stands in its place: what the rules
 * of `redact-rules.ts` ask before they take a value for a secret. No lists of hashes, no dictionary: only the shape is looked at.
 */

/** Words that documentation puts where a secret would be, and marks of something filled in later. */
const PLACEHOLDER =
  /example|placeholder|your[-_ ]|changeme|change[-_]me|dummy|redacted|replace[-_]?(?:me|with|this)|insert[-_]|fixme|todo|xxxx|\*{3}|\.{3}|…|<[^>]*>|\$\{|\{\{|abcdefgh|12345678|00000000/iu;
/** Stands for a value that is elsewhere: a variable, a template, a lookup. */
const REFERENCE =
  /^(?:\$[A-Za-z_{(]|%[A-Za-z_]\w*%|@|#|process\.|os\.|env[.:]|vars?\.|secrets?\.|import\.|config\.|self\.|this\.|(?:null|none|nil|true|false|undefined|string|boolean|required|optional)\b)/iu;
const ONE_CHARACTER = /^(.)\1*$/u;
const NUMBER_OR_DATE = /^[\d.,:/TZ+-]+$/u;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;
const PATH = /^(?:[A-Za-z]:|~|\.{1,2})?\/(?:[^/]+\/)*[^/]*$/u;

/** Passwords that every manual uses: as good as none. */
const COMMON: ReadonlySet<string> = new Set(
  (
    "password passwd pass pwd secret mypassword mysecret user username root admin administrator postgres mysql redis mongo guest test " +
    "testing tester default token mytoken apikey demo foo bar foobar baz qwerty letmein hunter2 s3cret p@ssw0rd"
  ).split(" "),
);

/** The same for what begins like a token: of these only what no drawing by lot gives. */
const TOKEN_PLACEHOLDER = /example|placeholder|your[-_]|redacted|x{8}|\*{3}|\.{3}|…/iu;

export function isTokenPlaceholder(token: string): boolean {
  return TOKEN_PLACEHOLDER.test(token) || ONE_CHARACTER.test(token.replace(/^[a-z]{2,10}[-_]/iu, ""));
}

export function isPlaceholder(value: string): boolean {
  return (
    PLACEHOLDER.test(value) || REFERENCE.test(value) || ONE_CHARACTER.test(value.replace(/^[a-z]{2,10}[-_]/iu, ""))
  );
}

/** The password of a connection string: taken for real unless it is a word of manuals. */
export function isLikelyPassword(value: string): boolean {
  return value.length >= 4 && !isPlaceholder(value) && !COMMON.has(value.toLowerCase()) && !/^%[sdv]$/u.test(value);
}

/** What stands behind `password` or `secret`: mixed of letters and more, and no name of anything in a program. */
export function isStrongPassword(value: string): boolean {
  if (value.length < 6 || value.length > 512 || isPlaceholder(value) || COMMON.has(value.toLowerCase())) return false;
  if (NUMBER_OR_DATE.test(value) || value.includes("://") || looksLikePath(value) || looksLikeNames(value))
    return false;
  if (UUID.test(value)) return true;
  const classes = [/[a-z]/u, /[A-Z]/u, /\d/u, /[^A-Za-z\d]/u].filter((kind) => kind.test(value)).length;
  return classes >= (value.length >= 8 ? 2 : 3);
}

/** What stands behind `token` or `api_key`: long, and as if drawn by lot. */
export function isStrongToken(value: string): boolean {
  if (value.length < 16 || isPlaceholder(value) || value.includes("://") || looksLikePath(value)) return false;
  return looksRandom(value) && !looksLikeNames(value);
}

/** A UUID is a name far more often than a secret; behind `api_key` and the like it is one. */
export function isUuid(value: string): boolean {
  return UUID.test(value);
}

/** Drawn by lot: digits and letters, or letters of both sizes, change places too often for words. Needs 16 characters. */
export function looksRandom(value: string): boolean {
  let pairs = 0;
  let changes = 0;
  for (const part of value.split(/[^A-Za-z\d]+/u)) {
    const runs = runsOf(part);
    if (part.length >= 16 && isMixed(runs)) return true;
    pairs += Math.max(0, part.length - 1);
    changes += Math.max(0, runs.digit + runs.lower + runs.upper - 1);
  }
  return pairs >= 14 && changes / pairs >= 0.35 && /\d/u.test(value);
}

interface Runs {
  digit: number;
  lower: number;
  upper: number;
  readonly length: number;
}

function isMixed({ digit, lower, upper, length }: Runs): boolean {
  if (digit >= 3) return true;
  if (digit >= 1) return upper >= 3 && lower >= 3;
  return upper >= 3 && lower >= 3 && (upper + lower) / length >= 0.45;
}

function runsOf(part: string): Runs {
  const runs: Runs = { digit: 0, lower: 0, upper: 0, length: part.length };
  let last = "";
  for (let index = 0; index < part.length; index += 1) {
    const code = part.charCodeAt(index);
    const kind = code < 58 ? "digit" : code < 91 ? "upper" : "lower";
    if (kind !== last) runs[kind] += 1;
    last = kind;
  }
  return runs;
}

function looksLikePath(value: string): boolean {
  return PATH.test(value) && value.slice(1).includes("/") && !looksRandom(value);
}

/** `request.body.newPassword2`, `DB_PASSWORD`, `some-words`: each part reads like a word of a program. */
function looksLikeNames(value: string): boolean {
  const parts = value
    .replace(/([a-z\d])(?=[A-Z])/gu, "$1 ")
    .split(/[^A-Za-z\d]+/u)
    .filter((part) => part !== "");
  const isCode = /^[\w$][\w$.?!:/@-]*[;!?]?$/u.test(value);
  return (
    isCode &&
    parts.every((part) => /^(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|[a-z]|[A-Z])\d{0,2}$/u.test(part)) &&
    !isScattered(parts)
  );
}

/** Parts of one or two letters are no words: `aB-cD-eF`. */
function isScattered(parts: readonly string[]): boolean {
  return parts.length >= 3 && parts.filter((part) => part.length <= 2).length * 2 > parts.length;
}
