import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { actions } from './actions.ts';
import { Cloud, type CloudOptions } from './cloud.ts';
import { Query } from './query.ts';
import { answerXml, Ec2Error, errorXml } from './xml.ts';

export interface Ec2Server {
  readonly cloud: Cloud;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * EC2's query protocol on a free loopback port: as much of it as facerec uses. Known gaps: signatures are not verified,
 * one instance a launch, no stopped instances, volumes have no tags, and of templates only the name is known.
 */
export async function startEc2(options: CloudOptions = {}): Promise<Ec2Server> {
  const cloud = new Cloud(options);
  // Node's server and not Bun's, because it can cut a connection.
  const server = createServer(async (request, response) => {
    const query = new Query(new URLSearchParams(await textOf(request)));
    const fault = cloud.faults.take(query.action);
    if (fault?.kind === 'lost-request') return void request.socket.destroy();
    const { status, body } =
      fault?.kind === 'error'
        ? { status: fault.status ?? 503, body: errorXml(fault.code, fault.message ?? fault.code) }
        : answer(query, cloud);
    if (fault?.kind === 'lost-reply') return void request.socket.destroy();
    const date = new Date(cloud.now()).toUTCString();
    response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8', date }).end(body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    cloud,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      cloud.endAll();
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** What EC2 says to a request, without faults. */
export function answer(query: Query, cloud: Cloud): { status: number; body: string } {
  const { action } = query;
  cloud.calls.set(action, (cloud.calls.get(action) ?? 0) + 1);
  try {
    const run = actions[action];
    if (run === undefined)
      throw new Ec2Error('InvalidAction', `The action ${action} is not valid for this web service.`);
    if (cloud.faults.denied.has(`ec2:${action}`))
      throw new Ec2Error(
        'UnauthorizedOperation',
        `You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/test is not authorized to perform: ec2:${action} on resource: * because no identity-based policy allows the ec2:${action} action`,
        403,
      );
    if (query.get('DryRun') === 'true')
      throw new Ec2Error('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
    return { status: 200, body: answerXml(action, run(query, cloud)) };
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    return { status: error.status, body: errorXml(error.code, error.message) };
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}
