import * as v from 'valibot';
import { messageOf } from '../../core/errors.ts';
import type { Host, Log } from '../../ports.ts';
import { Imds, ImdsError, type ImdsOptions } from './imds.ts';
import { tagKeys } from './tags.ts';

export interface Ec2HostOptions {
  readonly log: Log;
  /** Powers the machine off; its failure is logged. Default: `systemctl poweroff`. */
  readonly powerOff?: () => Promise<void>;
}

const InstanceIdSchema = v.pipe(v.string(), v.regex(/^i-[0-9a-f]{8,32}$/, 'expected an EC2 instance id'));
/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html */
const SpotActionSchema = v.object({ action: v.string(), time: v.string() });

/** The EC2 instance that this worker runs on, as its metadata service tells it. */
export class Ec2Host implements Host {
  readonly id: string;
  readonly #imds: Imds;
  readonly #log: Log;
  readonly #powerOff: () => Promise<void>;
  #answering = true;

  /** Asks the metadata service who this is. Rejects with an ImdsError when this is no EC2 instance. */
  static async open(options: Ec2HostOptions & ImdsOptions): Promise<Ec2Host> {
    const imds = new Imds(options);
    const parsed = v.safeParse(InstanceIdSchema, (await imds.get('instance-id'))?.trim());
    if (!parsed.success)
      throw new ImdsError(`the metadata service does not tell an instance id: ${parsed.issues[0].message}`);
    return new Ec2Host(parsed.output, imds, options);
  }

  private constructor(id: string, imds: Imds, { log, powerOff = systemPowerOff }: Ec2HostOptions) {
    this.id = id;
    this.#imds = imds;
    this.#log = log;
    this.#powerOff = powerOff;
  }

  /**
   * A drain tag, or a notice that the spot instance ends within two minutes. A recommendation to rebalance is none.
   * Never rejects: a metadata service that does not answer says neither yes nor no, and the next call asks again.
   */
  async drainRequested(): Promise<string | undefined> {
    try {
      const [drain, spot] = await Promise.all([
        this.#imds.get(`tags/instance/${tagKeys.drain}`),
        this.#imds.get('spot/instance-action'),
      ]);
      if (!this.#answering) this.#log.info('instance-metadata-back');
      this.#answering = true;
      if (drain !== undefined) return `leave granted: ${drain.slice(0, 100)}`;
      return spot === undefined ? undefined : spotReason(spot);
    } catch (error) {
      if (this.#answering) this.#log.warn('instance-metadata-silent', { error: messageOf(error) });
      this.#answering = false;
      return undefined;
    }
  }

  /** A sandboxed unit may not power off; its `SuccessAction=poweroff` does it then, so a failure here is no fault. */
  async leave(): Promise<void> {
    try {
      await this.#powerOff();
    } catch (error) {
      this.#log.info('power-off-left-to-unit', { error: messageOf(error) });
    }
  }
}

/** Any notice means that the instance goes (terminate, stop or hibernate), also one that cannot be read. */
function spotReason(text: string): string {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), SpotActionSchema), text);
  if (!parsed.success) return 'spot interruption';
  return `spot interruption: ${parsed.output.action} at ${parsed.output.time}`.slice(0, 100);
}

async function systemPowerOff(): Promise<void> {
  const child = Bun.spawn(['systemctl', '--no-block', 'poweroff'], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`systemctl poweroff: ${said.trim() || child.exitCode}`);
}
