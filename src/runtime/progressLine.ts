/** Without a terminal a line is told so often, ms. */
const PAUSE_MS = 10_000;

export interface ProgressLine {
  show(text: string): void;
  /** With what was shown last. */
  end(): void;
}

/** How far long work has come: on a terminal in one line that changes, elsewhere in a line now and then and one at the end. */
export function progressLine(
  write: (text: string) => void,
  isTerminal: boolean,
  now: () => number = () => performance.now(),
): ProgressLine {
  let last = '';
  let told = '';
  let toldAt = now();
  const tell = () => {
    if (last === told) return;
    write(`${last}\n`);
    [told, toldAt] = [last, now()];
  };
  return {
    show(text) {
      last = text;
      if (isTerminal) write(`\r${text}`);
      else if (now() - toldAt >= PAUSE_MS) tell();
    },
    end() {
      if (isTerminal) write('\n');
      else tell();
    },
  };
}

/** On standard error. */
export function progressOnStderr(): ProgressLine {
  return progressLine(text => process.stderr.write(text), process.stderr.isTTY);
}
