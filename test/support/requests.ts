import { openServices } from '../../src/adapters/choose.ts';
import { readConfig } from '../../src/config.ts';
import { encodeMessage, inputKey, type Request, resultKey } from '../../src/core/messages.ts';
import type { Services } from '../../src/ports.ts';
import { silentLog } from '../../src/runtime/log.ts';

/** The local backend in a directory, for a test that plays the web server. */
export class Requests {
  readonly services: Services;

  private constructor(services: Services) {
    this.services = services;
  }

  static async open(settings: Readonly<Record<string, string>>): Promise<Requests> {
    return new Requests(await openServices(readConfig(settings), silentLog));
  }

  async send(photo: Uint8Array): Promise<Request> {
    const request: Request = { v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file: 'photo.jpg' };
    await this.services.input.put(inputKey(request), photo);
    await this.services.requests.send(encodeMessage(request));
    return request;
  }

  async isAnswered(request: Request): Promise<boolean> {
    return (await this.services.output.get(resultKey(request))) !== undefined;
  }

  async answered(requests: readonly Request[]): Promise<number> {
    return (await Promise.all(requests.map(request => this.isAnswered(request)))).filter(Boolean).length;
  }
}
