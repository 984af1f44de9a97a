import { EC2Client } from '@aws-sdk/client-ec2';
import { type ClientOptions, settings } from './clientSettings.ts';
import { watchCalls } from './watchCalls.ts';

/** In a file of its own: the module costs 30 MB and 100 ms, and only the controller needs it. */
export function ec2Client(options: ClientOptions = {}): EC2Client {
  const client = new EC2Client(settings(options, { timeoutMs: 15_000, sockets: 10 }));
  watchCalls(client, options.onCall);
  return client;
}
