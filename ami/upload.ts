/** Uploads disk images: `bun ami/upload.ts RAW_FILE… [--region …]`; each becomes a machine image of the AWS account. */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { BLOCK_BYTES } from './upload/blocks.ts';
import { clientsIn, uploadImage } from './upload/upload.ts';

const usage = `bun ami/upload.ts RAW_FILE… [options]
  --region REGION          default: AWS_REGION, or the AWS profile's
  --name NAME              of the image, for a single file; default: the file's, and a piece of its digest
  --architecture ARCH      x86_64 (default) or arm64
  --boot-mode MODE         uefi (default) or uefi-preferred
`;

export interface UploadArguments {
  readonly region?: string | undefined;
  readonly name?: string | undefined;
  readonly architecture?: 'x86_64' | 'arm64';
  readonly bootMode?: 'uefi' | 'uefi-preferred';
}

/**
 * Uploads the files one after the other, tells how it goes on standard error, and prints each id and what to do next.
 * Resolves to the exit code.
 */
export async function upload(paths: readonly string[], options: UploadArguments = {}): Promise<number> {
  try {
    await uploadAll(paths, options);
    return 0;
  } catch (error) {
    console.error(`upload: ${explain(error)}`);
    return 1;
  }
}

async function uploadAll(paths: readonly string[], options: UploadArguments): Promise<void> {
  const { region, name, architecture = 'x86_64', bootMode = 'uefi' } = options;
  const clients = clientsIn(region);
  const images = new Map<string, string>();
  for (const path of paths) {
    const progress = meter(line => process.stderr.write(line));
    const id = await uploadImage(path, {
      clients,
      architecture,
      bootMode,
      ...(name !== undefined && { name }),
      onStep: step => process.stderr.write(`${step}\n`),
      onProgress: progress,
    });
    console.log(`${id}  ${path}`);
    images.set(basename(path), id);
  }
  console.log(`\nNext:\n${deployCommand(images, await clients.ec2.config.region())}`);
}

/** A web server's image is known by its file's name; with one image alone, it is everybody's. */
export function deployCommand(images: ReadonlyMap<string, string>, region: string): string {
  const web = [...images].find(([file]) => file.startsWith('web'))?.[1];
  const worker = [...images].find(([file]) => !file.startsWith('web'))?.[1];
  const parameters = [
    `ImageId=${worker ?? 'ami-…'}`,
    ...(web === undefined ? [] : [`WebImageId=${web}`]),
    'AllowedCidr=$(curl -s https://checkip.amazonaws.com)/32',
  ];
  return [
    `  aws cloudformation deploy --region ${region} --stack-name facerec --capabilities CAPABILITY_IAM \\`,
    '    --template-file ami/cloudformation/stack.yaml \\',
    `    --parameter-overrides ${parameters.join(' ')}`,
  ].join('\n');
}

/** At most a line in two seconds, and one at the end. */
function meter(write: (line: string) => void): (blocks: number, of: number) => void {
  let started = 0;
  let first: number | undefined;
  let last = Number.NEGATIVE_INFINITY;
  const megabytes = (blocks: number) => ((blocks * BLOCK_BYTES) / 1e6).toFixed(0);
  return (blocks, of) => {
    const now = performance.now();
    if (first === undefined) [first, started] = [blocks, now];
    if (now - last < 2_000 && blocks < of) return;
    last = now;
    const rate = (blocks - first) / ((now - started) / 1_000);
    const left = rate > 0 ? `, ${Math.ceil((of - blocks) / rate)} s left` : '';
    write(`  ${megabytes(blocks)} of ${megabytes(of)} MB${blocks < of ? left : ''}\n`);
  };
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const denied = /AccessDenied|UnauthorizedOperation/.test(error.name);
  return `${error.message || error.name}${denied ? ' (ami/iam/upload.json is what an upload needs)' : ''}`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      region: { type: 'string' },
      name: { type: 'string' },
      architecture: { type: 'string', default: 'x86_64' },
      'boot-mode': { type: 'string', default: 'uefi' },
      help: { type: 'boolean', default: false },
    },
  });
  const { architecture, 'boot-mode': bootMode, region, name, help } = values;
  if (help) {
    console.log(usage);
    return 0;
  }
  if (
    positionals.length === 0 ||
    (name !== undefined && positionals.length > 1) ||
    (architecture !== 'x86_64' && architecture !== 'arm64') ||
    (bootMode !== 'uefi' && bootMode !== 'uefi-preferred')
  ) {
    console.error(usage);
    return 64;
  }
  return upload(positionals, { region, name, architecture, bootMode });
}

if (import.meta.main) process.exit(await main());
