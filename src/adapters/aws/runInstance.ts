import { type EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { seenInstance } from './describe.ts';
import { type LaunchReply, replyOfError } from './launchReply.ts';
import { type LaunchSettings, launchRequest } from './launchRequest.ts';
import type { Placement } from './placements.ts';
import type { SeenInstance } from './slots.ts';
import type { LaunchMark } from './token.ts';

/** One try, and what came of it. Never rejects. */
export async function runInstance(
  client: EC2Client,
  settings: LaunchSettings,
  placement: Placement,
  slot: number,
  mark: LaunchMark,
): Promise<LaunchReply<SeenInstance>> {
  const command = new RunInstancesCommand(launchRequest(settings, placement, slot, mark));
  tryOnce(command);
  try {
    const { Instances: [answered] = [] } = await client.send(command);
    if (answered?.InstanceId === undefined) return { kind: 'lost', code: 'NoInstanceInReply' };
    // Older versions of EC2 answer a used token with its instance, terminated or not.
    if (answered.State?.Name === 'terminated') return { kind: 'over' };
    const instance = seenInstance(answered);
    return instance ? { kind: 'launched', instance } : { kind: 'lost', code: 'IncompleteReply' };
  } catch (error) {
    return replyOfError(error, settings.fleet);
  }
}

/**
 * Takes the SDK's own repetitions out of this command: they would hide that an earlier request may still be on its way.
 * The fleet repeats it itself.
 */
function tryOnce(command: RunInstancesCommand): void {
  command.middlewareStack.add(next => next, {
    name: 'retryMiddleware',
    step: 'finalizeRequest',
    priority: 'high',
    override: true,
  });
}
