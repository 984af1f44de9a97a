import type { Blobs } from '../../ports.ts';
import { UsageError } from '../../runtime/main.ts';
import { EXIT } from '../../runtime/shutdown.ts';
import { Keyring } from './keyring.ts';
import { isGood, type Key, type Scope, scopes } from './keys.ts';

const DAY = 86_400_000;

/** `facerec-web keys …`: resolves to the exit code. Throws a UsageError. */
export async function runKeysCommand(
  store: Blobs,
  words: readonly string[],
  print: (text: string) => void,
  now = Date.now(),
): Promise<number> {
  const { parameters, options } = parse(words);
  const [verb, id] = parameters;
  const keyring = new Keyring({ store });
  if (verb === 'list' && parameters.length === 1) {
    const keys = await keyring.list();
    print(
      keys.length === 0 ? 'no keys: the server is open\n' : keys.map(key => row(key, keys, now)).join(''),
    );
    return EXIT.ok;
  }
  if (verb === 'revoke' && id !== undefined && parameters.length === 2) {
    if (await keyring.revoke(id)) {
      print(`revoked ${id}: servers refuse it within seconds\n`);
      return EXIT.ok;
    }
    print(`there is no such key to revoke: ${id}\n`);
    return 1;
  }
  if (verb !== 'create' || parameters.length !== 1)
    throw new UsageError('expected keys create, keys list or keys revoke ID; "help keys" tells the usage');
  const wanted = { name: nameOf(options), scopes: scopesOf(options), expiresAt: expiryOf(options, now) };
  const { key, token } = await keyring.create(wanted);
  print(`${token}\n`);
  process.stderr.write(`key ${key.id} for ${key.scopes.join(', ')}; it is shown this once\n`);
  return EXIT.ok;
}

function row(key: Key, keys: readonly Key[], now: number): string {
  const end = key.expiresAt === undefined ? '' : ` until ${day(key.expiresAt)}`;
  const state = isGood(keys, key, now)
    ? `good${end}`
    : key.revokedAt === undefined
      ? `expired ${day(key.expiresAt ?? now)}`
      : `revoked ${day(key.revokedAt)}`;
  return `${key.id}  ${key.scopes.join(',')}  created ${day(key.createdAt)}  ${state}  ${key.name}\n`;
}

const day = (time: number) => new Date(time).toISOString().slice(0, 10);

type Options = ReadonlyMap<string, string>;

function nameOf(options: Options): string {
  const name = options.get('--name') ?? '';
  if (/^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u.test(name)) return name;
  throw new UsageError('--name: give the key a name of 1 to 64 letters, digits, blanks, . _ @ -');
}

function scopesOf(options: Options): Scope[] {
  const words = (options.get('--scope') ?? '').split(',').filter(Boolean);
  const chosen = scopes.filter(scope => words.includes(scope));
  const strange = words.find(word => !scopes.some(scope => scope === word));
  if (chosen.length > 0 && strange === undefined) return chosen;
  throw new UsageError(`--scope: give some of ${scopes.join(', ')}, separated by commas`);
}

function expiryOf(options: Options, now: number): number | undefined {
  const text = options.get('--expires');
  if (text === undefined) return undefined;
  const days = Number(/^(\d{1,4})d$/.exec(text)?.[1] ?? Number.NaN);
  if (days >= 1) return now + days * DAY;
  throw new UsageError('--expires: give a number of days, such as 90d');
}

/** `--name VALUE` and `--name=VALUE` alike. */
function parse(words: readonly string[]): { parameters: string[]; options: Options } {
  const parameters: string[] = [];
  const options = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const [, name, value] = /^(--\w+)(?:=(.*))?$/s.exec(words[i]!) ?? [];
    if (name === undefined) parameters.push(words[i]!);
    else if (value !== undefined) options.set(name, value);
    else if (i + 1 < words.length) options.set(name, words[++i]!);
    else throw new UsageError(`${name} needs a value`);
  }
  return { parameters, options };
}
