import { readFileSync } from 'node:fs';

/** Milliseconds of processor time that this process has used, all threads together. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of processor time of another process, in steps of 10. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident set of another process now, MiB. */
export function residentMiB(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

/** Largest resident set of another process so far, MiB. */
export function peakMiB(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Runs a script of this directory in a process of its own; it prints one JSON value as its last line. */
export async function child<T>(script: string, ...words: string[]): Promise<T> {
  const command = [process.execPath, `${import.meta.dir}/${script}`, ...words];
  const running = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' });
  const lines = (await new Response(running.stdout).text()).trim().split('\n');
  if ((await running.exited) !== 0) throw new Error(`${script} failed`);
  return JSON.parse(lines.at(-1) ?? '');
}
