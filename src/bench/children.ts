/**
 * Processes that this one has started, and what becomes of them when it ends before they do: on a regular end they are killed
 * here; when it is killed itself, by a shell that stands by, which then removes its temporary folder too.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const running = new Set<ChildProcess>();
let standby: ChildProcess | undefined;

/** To be told of every process that is started. */
export function track(child: ChildProcess): void {
  running.add(child);
  tellStandby();
  child.once("close", () => {
    running.delete(child);
    tellStandby();
  });
}

export function killChildren(): void {
  for (const child of running) child.kill("SIGKILL");
}

/**
 * Each line that it reads is the list of processes now running; “over” dismisses it. The end of its input is the end of whoever
 * writes it. That may come between the start of a process and the line that names it: Linux tells of every process whose
 * environment names the folder. Such a one has its own environment by then, because until then it holds the input open.
 */
const STANDBY = `pids=
while read -r line; do pids=$line; done
if [ "$pids" != over ]; then
  for pid in $pids $(grep -lsF -- "\${1##*/}" /proc/[0-9]*/environ); do
    pid=\${pid#/proc/}
    kill -9 "\${pid%/environ}"
  done
fi
for again in 1 2 3 4 5; do rm -rf -- "$1" && [ ! -e "$1" ] && exit; sleep 0.1; done`;

/**
 * Starts the shell that stands by for `folder`. In a session of its own, so that what interrupts this process from a
 * terminal does not interrupt it too. Where there is no shell, the next run finds the folder (`scratch.ts`).
 */
export function standBy(folder: string): void {
  standby = spawn("sh", ["-c", STANDBY, "sh", folder], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  standby.on("error", () => (standby = undefined));
  standby.stdin?.on("error", () => undefined);
  standby.unref();
}

function tellStandby(): void {
  const pids = Array.from(running, ({ pid }) => pid).filter((pid) => pid !== undefined);
  standby?.stdin?.write(`${pids.join(" ")}\n`);
}

/**
 * It has nothing to do any more but to see that the folder is gone. Settles when it has ended too, so that nothing of a run is
 * left beside what the run has said.
 */
export async function dismissStandby(): Promise<void> {
  const dismissed = standby;
  standby = undefined;
  if (dismissed === undefined || dismissed.exitCode !== null || dismissed.signalCode !== null) return;
  dismissed.ref();
  dismissed.stdin?.end("over\n");
  // A shell that could not be started ends with an error instead, which `standBy` has seen to.
  await once(dismissed, "close").catch(() => undefined);
}
