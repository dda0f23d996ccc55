/** From what a user writes behind `--codex` to a binary, on packages and programs of ours. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";

import { findCodex, resolveCodex } from "../../src/bench/release.ts";
import { writeExecutable } from "../support/fake-codex.ts";

const root = mkdtempSync(join(tmpdir(), "rollout-tool-release-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "t"));
});

const CPU = arch() === "arm64" ? "aarch64" : "x86_64";
const HERE = platform() === "darwin" ? `${CPU}-apple-darwin` : `${CPU}-unknown-linux-musl`;
const ELSEWHERE = platform() === "darwin" ? `${CPU}-unknown-linux-musl` : `${CPU}-apple-darwin`;

function write(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** As npm leaves it: the launcher in one package, the binary in another, beside it or within. */
function writePackage(scope: string, version = "0.169.0", within = false): string {
  const launcher = join(scope, "codex");
  const machine = within ? join(launcher, "node_modules", "@openai", "codex-here") : join(scope, "codex-here");
  write(join(launcher, "package.json"), JSON.stringify({ name: "@openai/codex", version }));
  write(join(launcher, "bin", "codex.js"), "");
  write(join(machine, "package.json"), JSON.stringify({ name: "@openai/codex", version: `${version}-linux-x64` }));
  write(join(machine, "vendor", ELSEWHERE, "bin", "codex"), "");
  return write(join(machine, "vendor", HERE, "bin", "codex"), "");
}

const told: string[] = [];
function find(text: string, env: Readonly<Record<string, string>> = {}): ReturnType<typeof resolveCodex> {
  told.length = 0;
  return resolveCodex(text, { env, cwd: folder, tell: (line) => told.push(line), temporary: folder });
}

describe("a folder", () => {
  it("is a prefix of npm, its own or a global one, or the package", () => {
    const path = writePackage(join(folder, "prefix", "node_modules", "@openai"));
    expect(find("prefix")).toEqual({ version: "0.169.0", path });
    expect(find(join(folder, "prefix", "node_modules", "@openai", "codex"))).toEqual({ version: "0.169.0", path });
    expect(find("./prefix/node_modules/@openai/codex-here")).toEqual({ version: "0.169.0", path });
    const global = writePackage(join(folder, "global", "lib", "node_modules", "@openai"), "0.142.3", true);
    expect(find("global")).toEqual({ version: "0.142.3", path: global });
  });

  it("of an older release holds the binaries of all machines in one package", () => {
    const scope = join(folder, "node_modules", "@openai", "codex");
    write(join(scope, "package.json"), JSON.stringify({ name: "@openai/codex", version: "0.77.0" }));
    write(join(scope, "vendor", ELSEWHERE, "codex", "codex"), "");
    expect(() => findCodex(folder)).toThrow("holds no binary for this machine");
    const path = write(join(scope, "vendor", HERE, "codex", "codex"), "");
    expect(findCodex(folder)).toEqual({ version: "0.77.0", path });
  });

  it("without Codex is refused, with a way to get one", () => {
    write(join(folder, "node_modules", "@openai", "codex", "package.json"), "{");
    expect(() => find(".")).toThrow("no Codex package there");
    expect(() => find("missing/folder")).toThrow("no Codex there");
  });
});

describe("a file", () => {
  it("is asked for its version", () => {
    const path = writeExecutable(join(folder, "mine"), 'console.log("codex-cli 0.170.0-alpha.3");');
    expect(find("mine")).toEqual({ version: "0.170.0-alpha.3", path });
    expect(find("./mine")).toEqual({ version: "0.170.0-alpha.3", path });
  });

  it("without a slash is also looked for on the path", () => {
    const path = writeExecutable(join(folder, "bin", "codex"), 'console.log("codex-cli 0.169.0");');
    expect(find("codex", { PATH: `/nowhere:${join(folder, "bin")}` })).toEqual({ version: "0.169.0", path });
    expect(() => find("codex")).toThrow("no Codex there");
  });

  it("that is the launcher of a package stands for its binary", () => {
    const path = writePackage(join(folder, "node_modules", "@openai"));
    mkdirSync(join(folder, "node_modules", ".bin"));
    symlinkSync("../@openai/codex/bin/codex.js", join(folder, "node_modules", ".bin", "codex"));
    expect(find("node_modules/.bin/codex")).toEqual({ version: "0.169.0", path });
  });

  it("that cannot be run, fails, says nothing or says it in vain is refused", () => {
    write(join(folder, "text"), "no program");
    expect(() => find("text")).toThrow("that file is not executable");
    writeExecutable(
      join(folder, "fails"),
      'console.log("codex-cli 0.1.0"); console.error("no \\x1b[31mway"); process.exit(7);',
    );
    expect(() => find("fails")).toThrow("does not say its version: it ended with 7: no \\x1b[31mway");
    writeExecutable(join(folder, "silent"), "");
    expect(() => find("silent")).toThrow("does not say its version: it ended with 0");
    expect(readdirSync(folder).filter((name) => name.startsWith("rollout-tool-scratch-"))).toEqual([]);
  });
});

describe("a version", () => {
  /** An npm that makes the package of `version` in the folder behind --prefix. */
  function fakeNpm(version: string, scope = "node_modules/@openai"): string {
    const script = `
const fs = require("node:fs"), path = require("node:path");
const args = process.argv.slice(2);
const prefix = args[args.indexOf("--prefix") + 1];
fs.writeFileSync(${JSON.stringify(join(folder, "npm-args"))}, JSON.stringify(args.map((arg) => arg.replace(prefix, "PREFIX"))));
const home = path.join(prefix, ${JSON.stringify(scope)}, "codex");
fs.mkdirSync(path.join(home, "vendor", ${JSON.stringify(HERE)}, "bin"), { recursive: true });
fs.writeFileSync(path.join(home, "package.json"), JSON.stringify({ name: "@openai/codex", version: ${JSON.stringify(version)} }));
fs.writeFileSync(path.join(home, "vendor", ${JSON.stringify(HERE)}, "bin", "codex"), "");
`;
    writeExecutable(join(folder, "npm", "npm"), script);
    return join(folder, "npm");
  }

  it("is taken from the folder that the environment names", () => {
    const path = writePackage(join(folder, "named", "node_modules", "@openai"), "0.169.0");
    expect(find("0.169.0", { ROLLOUT_TOOL_CODEX_0_169_0: "named" })).toEqual({ version: "0.169.0", path });
    expect(() => find("0.170.0-alpha.1", { ROLLOUT_TOOL_CODEX_0_170_0_alpha_1: "named" })).toThrow(
      "Codex 0.169.0 is there, not 0.170.0-alpha.1",
    );
    expect(told).toEqual([]);
  });

  it("is installed once, after saying so", () => {
    const env = { PATH: `${fakeNpm("0.150.1")}:${dirname(process.execPath)}` };
    const cache = join(folder, "rollout-tool-codex-0.150.1");
    const path = join(cache, "node_modules", "@openai", "codex", "vendor", HERE, "bin", "codex");
    expect(find("0.150.1", env)).toEqual({ version: "0.150.1", path });
    expect(told).toEqual([`installing Codex 0.150.1 with npm into ${cache}`]);
    expect(readdirSync(folder).toSorted()).toEqual(["npm", "npm-args", "rollout-tool-codex-0.150.1"]);
    expect(find("0.150.1", { PATH: "" })).toEqual({ version: "0.150.1", path });
    expect(told).toEqual([]);
  });

  it("that npm cannot install leaves nothing but a reason", () => {
    writeExecutable(
      join(folder, "npm", "npm"),
      'console.error("npm warn x\\nnpm error code E404\\nnpm error 404 not there\\nnpm error A complete log"); process.exit(1);',
    );
    expect(() => find("9.9.9", { PATH: join(folder, "npm") })).toThrow(
      "npm could not install Codex 9.9.9: it ended with 1: code E404: 404 not there",
    );
    expect(() => find("9.9.9", { PATH: "" })).toThrow(/npm could not install Codex 9.9.9: .*ENOENT/u);
    expect(readdirSync(folder)).toEqual(["npm"]);
    fakeNpm("9.9.9", "elsewhere");
    expect(() => find("9.9.9", { PATH: join(folder, "npm") })).toThrow("no Codex package there");
    expect(existsSync(join(folder, "rollout-tool-codex-9.9.9"))).toBe(false);
  });

  it("is not taken from a folder that could be somebody else's", () => {
    symlinkSync(folder, join(folder, "rollout-tool-codex-1.2.3"));
    expect(() => find("1.2.3")).toThrow("the folder meant for that Codex release is not this user's");
    const broken = join(folder, "rollout-tool-codex-1.2.4");
    mkdirSync(broken);
    chmodSync(broken, 0o700);
    expect(() => find("1.2.4")).toThrow("no Codex package there");
  });
});
