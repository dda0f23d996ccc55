/**
 * The rules of our own, as a table: what the maintained rules (`redact.ts`) do not look for, or only in its exact shape, although it
 * ends up in rollouts: cut off, inside JSON that is itself a string of JSON, behind a colour of the terminal. Each pattern takes
 * time linear in the text, since a rollout may hold anything. docs/export.md has the same table for people.
 */
import {
  isLikelyPassword,
  isStrongPassword,
  isStrongToken,
  isTokenPlaceholder,
  isUuid,
  looksRandom,
} from "./redact-values.ts";

/** Half open, in UTF-16 units. */
export interface SecretRange {
  readonly start: number;
  readonly end: number;
  /** What stands in its place: `[REDACTED:kind]`. Lower-case letters, digits and hyphens. */
  readonly kind: string;
}

interface TokenRule {
  readonly kind: string;
  /** How such a token begins; letters enough to be rare. */
  readonly begins: string;
  /** The rest of it. */
  readonly rest: string;
  /** Nothing else begins so: also behind a letter or a digit. */
  readonly anywhere?: true;
  /** Default: no placeholder, and as if drawn by lot. */
  readonly accept?: (token: string) => boolean;
}

const isReal = (token: string): boolean => !isTokenPlaceholder(token);
/** For beginnings that nothing else has: any but words. */
const isMixed = (token: string): boolean => isReal(token) && /\d|[a-z][A-Z]|[A-Z]{2}/u.test(token.slice(5));
const isDrawn = (token: string): boolean => isReal(token) && looksRandom(token);

/** Known by how they begin. */
const TOKEN_RULES: readonly TokenRule[] = [
  { kind: "api-key", begins: "sk-(?:ant|proj|svcacct|admin|or-v1|lf)-", rest: "[A-Za-z0-9_-]{16,}", anywhere: true },
  { kind: "api-key", begins: "sk-", rest: "[A-Za-z0-9_-]{16,}" },
  { kind: "api-key", begins: "(?:gsk_|xai-|pplx-|r8_|fw_|csk-|tvly-|nvapi-)", rest: "[A-Za-z0-9_-]{24,}" },
  { kind: "github", begins: "gh[pousr]_", rest: "[A-Za-z0-9_]{20,}", accept: isMixed, anywhere: true },
  { kind: "github", begins: "github_pat_", rest: "[A-Za-z0-9_]{20,}", accept: isMixed, anywhere: true },
  {
    kind: "gitlab",
    begins: "gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-",
    rest: "[A-Za-z0-9_.-]{20,}",
    accept: isMixed,
    anywhere: true,
  },
  { kind: "aws", begins: "(?:AKIA|ASIA|ABIA|ACCA)", rest: "[A-Z0-9]{16}(?![A-Za-z0-9])", accept: isReal },
  {
    kind: "slack",
    begins: "(?:xox[a-z]|xapp|xwfp)-",
    rest: "[A-Za-z0-9-]{16,}",
    accept: (token) => isReal(token) && /\d{4}/u.test(token),
    anywhere: true,
  },
  { kind: "stripe", begins: "(?:[sr]k_(?:live|test)|whsec)_", rest: "[A-Za-z0-9+/]{16,}" },
  { kind: "google", begins: "AIza", rest: "[A-Za-z0-9_-]{30,}", accept: isMixed, anywhere: true },
  { kind: "google", begins: String.raw`(?:ya29\.|GOCSPX-|1\/\/0)`, rest: "[A-Za-z0-9_-]{20,}" },
  { kind: "npm", begins: "npm_", rest: "[A-Za-z0-9]{30,}", accept: isMixed, anywhere: true },
  { kind: "pypi", begins: "pypi-", rest: "[A-Za-z0-9_-]{40,}" },
  { kind: "hugging-face", begins: "hf_", rest: "[A-Za-z0-9]{30,}", accept: isMixed },
  { kind: "docker", begins: "dckr_(?:pat|oat)_", rest: "[A-Za-z0-9_-]{20,}" },
  { kind: "digital-ocean", begins: "do[opr]_v1_", rest: "[a-f0-9]{40,}" },
  { kind: "vault", begins: String.raw`hv[sbr]\.`, rest: "[A-Za-z0-9_-]{24,}" },
  { kind: "databricks", begins: "dapi", rest: "[a-f0-9]{32}" },
  { kind: "sendgrid", begins: String.raw`SG\.`, rest: String.raw`[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}` },
  { kind: "age", begins: "AGE-SECRET-KEY-1", rest: "[0-9A-Z]{50,}", accept: isReal },
  // The header of a JWT is `{"…` in base64url; the third part is what makes it valid.
  {
    kind: "jwt",
    begins: "eyJ",
    rest: String.raw`[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{16,})+`,
    accept: isReal,
  },
  {
    kind: "jwt",
    begins: "eyJ",
    rest: String.raw`[A-Za-z0-9_-]{8,}\.\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{16,})+`,
    accept: isReal,
  },
];

/**
 * Whether a token may begin there: not inside a word; but behind `\n` of escaped text the letter is no part of a word, nor what is behind
 * `\u003d`, `%3D` or a colour of the terminal.
 */
function mayBegin(text: string, index: number): boolean {
  if (index === 0 || !/[A-Za-z0-9_-]/u.test(text.charAt(index - 1))) return true;
  return /(?:\\(?:[nrtbf]|u[0-9a-fA-F]{4})|%[0-9A-Fa-f]{2}|\[[0-9;]{0,8}m)$/u.test(
    text.slice(Math.max(0, index - 10), index),
  );
}

/** Spaces that do not leave the line, quotes of any depth of escaping. */
const OPEN = String.raw`(?:\\*["'\x60])?`;
const VALUE = String.raw`(?:\\*["'\x60])(?<quoted>(?:[^"'\x60\\\s\0]|\\+u[0-9a-fA-F]{4}|\\\/)+)|(?<bare>(?![=!~])[^\s"'\x60\\,;&<>(){}[\]|\0]+)(?![\w([])`;
const PASSWORD_NAME = String.raw`(?:pass(?:word|wd|phrase|code)|pwd|[_-]pass|secret)s?`;
const KEY_NAME = String.raw`(?:(?:api|access|account|auth|app|client|consumer|encryption|master|private|secret|service|shared[_-]?access|signing|role|storage)[_-]?key|token|credential|bearer)s?`;

interface ContextRule {
  readonly kind: string;
  /** Group `before` is what leads to the secret; the secret is in one of the groups `secret`, `quoted` and `bare`. */
  readonly pattern: RegExp;
  readonly accept: (value: string, before: string) => boolean;
}

const isAssigned = (value: string, name: string): boolean =>
  /pass|pwd|secret/iu.test(name)
    ? isStrongPassword(value)
    : isStrongToken(value) && !(isUuid(value) && /token/iu.test(name));

/** Known by what stands before them. */
const CONTEXT_RULES: readonly ContextRule[] = [
  {
    kind: "connection-string",
    pattern:
      /(?<before>:\/\/(?<=(?:postgres(?:ql)?|mysqlx?|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|cockroachdb|clickhouse|nats|kafka|smtps?|ldaps?)(?:\+[a-z0-9]{1,16})?:\/\/)[^\s:@/"'<>\\\0]{0,128}:)(?!\d{1,5}\/)(?<secret>[^\s@"'<>\\\0]{1,256})(?=@)/giu,
    accept: isLikelyPassword,
  },
  {
    kind: "url-password",
    pattern: /(?<before>:\/\/[^\s:@/"'<>\\?#\0]{0,128}:)(?<secret>[^\s@/"'<>\\?#\0]{3,256})(?=@[A-Za-z0-9[])/gu,
    accept: isLikelyPassword,
  },
  {
    kind: "url-password",
    pattern: /(?<before>:\/\/)(?<secret>[A-Za-z0-9_-]{20,256})(?=(?::x-oauth-basic|:)?@[A-Za-z0-9[])/gu,
    accept: isDrawn,
  },
  {
    kind: "authorization",
    pattern: new RegExp(
      String.raw`(?<before>authorization\\*["'\x60]?\]?\s{0,4}[:=,]\s{0,4}${OPEN}(?:bearer|basic|token|digest|apikey|bot)\s{1,4})(?<secret>[A-Za-z0-9._~+/=:-]{8,})`,
      "giu",
    ),
    accept: (value) => isReal(value) && !/^[a-z_-]+$/u.test(value),
  },
  {
    kind: "authorization",
    pattern: /(?<before>(?:bearer|basic)(?:\s|%20|\+){1,4})(?<secret>[A-Za-z0-9._~+/-]{20,}={0,2})/giu,
    accept: isDrawn,
  },
  {
    kind: "azure",
    pattern: /(?<before>(?:AccountKey|SharedAccessKey|[?&;]sig)=)(?<secret>[A-Za-z0-9+/%]{40,}={0,2})/gu,
    accept: isDrawn,
  },
  {
    kind: "telegram",
    pattern: /(?<before>:)(?<secret>AA[A-Za-z0-9_-]{33})(?![A-Za-z0-9_-])/gu,
    accept: isDrawn,
  },
  {
    kind: "npm",
    pattern: /(?<before>_auth(?:Token)?\s{0,2}=\s{0,2}"?)(?<secret>[A-Za-z0-9+/=_-]{16,})/gu,
    accept: isReal,
  },
  {
    kind: "basic-auth",
    pattern:
      /(?<before>\bcurl\b[^\n\0]{0,400}?\s(?:-u|--user)[ =]["']?[^\s:"'\0]{1,100}:)(?<secret>[^\s"'\\\0]{3,200})/gu,
    accept: isLikelyPassword,
  },
  {
    kind: "secret",
    pattern: new RegExp(
      String.raw`(?<before>(?:${PASSWORD_NAME}|${KEY_NAME})(?:\\*["'\x60]|\])?[ \t]{0,8}(?:=>|:=|[=:>])[ \t]{0,8})(?:${VALUE})`,
      "giu",
    ),
    accept: isAssigned,
  },
  {
    kind: "secret",
    pattern: new RegExp(
      String.raw`(?<before>(?<![\w-])--?[a-z-]{0,30}(?:${PASSWORD_NAME}|${KEY_NAME})(?:=|[ \t]{1,4}|\\*["'],\s{0,2}(?=\\*["'])))(?:${VALUE})`,
      "giu",
    ),
    accept: isAssigned,
  },
];

/** Kinds that this table knows, as docs/export.md lists them. */
export const OWN_KINDS: readonly string[] = [...new Set([...TOKEN_RULES, ...CONTEXT_RULES].map(({ kind }) => kind))];

const SECRET_NAME = new RegExp(String.raw`(?:${PASSWORD_NAME}|${KEY_NAME})$`, "iu");

/** Whether a value that has a name of its own, as a member of an object, is a secret by its name. */
export function isSecretMember(name: string, value: string): boolean {
  return SECRET_NAME.test(name) && isAssigned(value, name);
}

/** Where any token may begin, and what it then must be: two steps, since nearly all of a text is neither. */
const BEGINNINGS = new RegExp(TOKEN_RULES.map(({ begins }) => begins).join("|"), "gu");
const TOKENS = tokenPattern(TOKEN_RULES);
const INSIDE_WORDS = TOKEN_RULES.filter(({ anywhere }) => anywhere);
const TOKENS_INSIDE_WORDS = tokenPattern(INSIDE_WORDS);

function tokenPattern(rules: readonly TokenRule[]): RegExp {
  return new RegExp(rules.map(({ begins, rest }) => `(${begins}${rest})`).join("|"), "uy");
}

/** Access key ids do not come alone: 40 characters of base64 this near to one are its secret. */
const AWS_NEAR = 300;
const AWS_SECRET = /(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])/gu;

/** What the rules find, in no order; ranges may overlap. */
export function findSecrets(text: string): readonly SecretRange[] {
  const found = findTokens(text);
  for (const { kind, pattern, accept } of CONTEXT_RULES) {
    for (const match of text.matchAll(pattern)) {
      const { before = "", secret, quoted, bare } = match.groups ?? {};
      const value = secret ?? quoted ?? bare ?? "";
      if (!accept(value, before)) continue;
      const end = match.index + match[0].length;
      found.push({ start: end - value.length, end, kind });
    }
  }
  return found;
}

function findTokens(text: string): SecretRange[] {
  const found: SecretRange[] = [];
  let done = 0;
  for (const { index } of text.matchAll(BEGINNINGS)) {
    if (index < done) continue;
    const [pattern, rules] = mayBegin(text, index) ? [TOKENS, TOKEN_RULES] : [TOKENS_INSIDE_WORDS, INSIDE_WORDS];
    pattern.lastIndex = index;
    const match = pattern.exec(text);
    if (match === null) continue;
    const { kind, accept = isDrawn } = rules[match.indexOf(match[0], 1) - 1] as TokenRule;
    done = index + match[0].length;
    if (!accept(match[0])) continue;
    found.push({ start: index, end: done, kind });
    if (kind === "aws") found.push(...findAwsSecrets(text, index, done));
  }
  return found;
}

function findAwsSecrets(text: string, start: number, end: number): SecretRange[] {
  const from = Math.max(0, start - AWS_NEAR);
  const found: SecretRange[] = [];
  for (const { index, 0: value } of text.slice(from, end + AWS_NEAR).matchAll(AWS_SECRET)) {
    // A commit of Git has 40 characters, too, in hexadecimal.
    if (/^[0-9a-f]+$/u.test(value) || !isDrawn(value)) continue;
    found.push({ start: from + index, end: from + index + value.length, kind: "aws" });
  }
  return found;
}
