import { messageOf } from '../../core/errors.ts';
import { attemptsOf, explain, isThrottle, statusOf } from './errors.ts';

/** What an answer, or the lack of one, to RunInstances means. */
export type LaunchReply<Launched> =
  | { readonly kind: 'launched'; readonly instance: Launched }
  /** The token's instance has ended. */
  | { readonly kind: 'over' }
  /** This placement has no room now. */
  | { readonly kind: 'no-capacity'; readonly code: string }
  /** The token was used with other parameters: by a controller with other settings. */
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'throttled'; readonly code: string }
  /** Perhaps launched, perhaps not. */
  | { readonly kind: 'lost'; readonly code: string }
  /** Refused for good: permissions, credentials, parameters. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** All say for certain that nothing was launched. */
const noRoom = new Set([
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientReservedInstanceCapacity',
  'InsufficientFreeAddressesInSubnet',
  'InsufficientAddressCapacity',
  'InsufficientCapacity',
  'InsufficientVolumeCapacity',
  'Unsupported',
  'UnsupportedOperation',
  'InstanceLimitExceeded',
  'VcpuLimitExceeded',
  'SpotMaxPriceTooLow',
  'MaxSpotInstanceCountExceeded',
]);

/** Kinds of errors for which `explain` knows what the operator should do. */
const explained = new Set(['access-denied', 'no-credentials', 'bad-credentials', 'no-region', 'clock']);

/** @param error what the SDK threw */
export function replyOfError(
  error: unknown,
  fleet: string,
): Exclude<LaunchReply<never>, { kind: 'launched' }> {
  const code = error instanceof Error ? error.name : 'Error';
  if (code === 'IdempotentInstanceTerminated') return { kind: 'over' };
  if (code === 'IdempotentParameterMismatch') return { kind: 'mismatch' };
  // After more than one try, an earlier one may still be under way.
  if (noRoom.has(code)) return { kind: attemptsOf(error) > 1 ? 'lost' : 'no-capacity', code };
  if (isThrottle(code)) return { kind: 'throttled', code };
  const known = explain(error, { service: 'EC2', action: 'ec2:RunInstances', resource: `fleet ${fleet}` });
  if (explained.has(known.kind)) return { kind: 'refused', code, message: known.message };
  const status = statusOf(error);
  if (status === undefined || status >= 500) return { kind: 'lost', code };
  const said = `EC2 said: ${code}: ${messageOf(error)}`;
  const message = `ec2:RunInstances for fleet ${fleet} was refused; correct the launch settings. ${said}`;
  return { kind: 'refused', code, message };
}
