/** EC2 takes no more, before base64. */
export const MOST_USER_DATA_BYTES = 16_384;
export const workerEnvironmentFile = '/etc/facerec/worker.env';

/**
 * What an instance is told at its first boot: a `#cloud-config` that writes the worker's settings into one file, which
 * systemd reads, and starts the worker. The same settings give the same text in whatever order they come: a retried
 * launch must repeat it. Throws an Error for names and values that the file cannot hold, and when it grows too long.
 *
 * Everybody who can log in to the instance can read it, so no secrets: credentials come with the instance profile.
 */
export function userData(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${checkedName(name)}="${quoted(name, value)}"`);
  const text = [
    '#cloud-config',
    'write_files:',
    `  - path: ${workerEnvironmentFile}`,
    '    owner: root:root',
    '    permissions: "0600"',
    '    content: |',
    ...lines.map(line => `      ${line}`),
    'runcmd:',
    '  - [systemctl, start, --no-block, facerec-worker.service]',
    '',
  ].join('\n');
  requireSize(text);
  return text;
}

/** As RunInstances takes it, in base64. Throws an Error when it is too long. */
export function encodeUserData(text: string): string {
  requireSize(text);
  return Buffer.from(text).toString('base64');
}

function requireSize(text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_USER_DATA_BYTES)
    throw new Error(`user data is ${bytes} bytes, and EC2 takes ${MOST_USER_DATA_BYTES}`);
}

function checkedName(name: string): string {
  if (/^[A-Z_][A-Z0-9_]*$/.test(name)) return name;
  throw new Error(`${JSON.stringify(name)} is no name of an environment variable`);
}

/** As systemd reads the inside of double quotes in an environment file: a backslash makes `"`, `\`, `$` and `` ` `` plain. */
function quoted(name: string, value: string): string {
  // YAML's own line ends and unprintable characters included: nothing may end the line or the block.
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\uFEFF\uFFFE\uFFFF]/u.test(value))
    throw new Error(`${name}: a setting for instances is one line of printable characters`);
  return value.replace(/["\\$`]/g, '\\$&');
}
