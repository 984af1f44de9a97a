import { type Permission, permissions, type Target } from '../src/adapters/aws/permissions.ts';
import { programs } from '../src/variables.ts';
import { rewriteReadme, withTable } from './readmeTable.ts';

/** The permissions of the README, in Markdown, from the table that the doctor asks about. */
export function permissionsTable(): string {
  const rows = [...Map.groupBy(permissions, placeOf)].map(([place, granted]) => {
    const cells = programs.map(program => actionsOf(granted.filter(each => each.program === program)));
    return `| ${[place, ...cells].join(' | ')} |`;
  });
  return [`| on | ${programs.join(' | ')} |`, '| --- | --- | --- | --- |', ...rows].join('\n');
}

const queues = { requests: 'request queue', responses: 'response queue', deadLetters: 'dead-letter queue' };

/** The target, and under which conditions. */
function placeOf({ target, conditions = {} }: Permission): string {
  const words = Object.values(conditions)
    .flatMap(Object.entries)
    .map(([key, value]) => `\`${key}\` = \`${[value].flat().join()}\``);
  return [nameOf(target), ...words].join(', ');
}

function nameOf(target: Target): string {
  if ('queue' in target) return queues[target.queue];
  if ('role' in target) return 'role of the instance profile';
  if ('ec2' in target)
    return target.ec2.map(type => (type === '*' ? 'EC2' : type.replace('/*', ''))).join(', ');
  return 'keys' in target ? `${target.bucket} bucket, \`${target.keys}\`` : `${target.bucket} bucket`;
}

/** `sqs:GetQueueUrl, SendMessage`: all of them are of one service. */
function actionsOf(granted: readonly Permission[]): string {
  const actions = [...new Set(granted.map(({ action }) => action))];
  const [service] = actions[0]?.split(':') ?? [];
  if (service === undefined) return '';
  return `\`${service}:${actions.map(action => action.split(':')[1]).join(', ')}\``;
}

/** The README with its table as it should be. Throws where the markers are missing. */
export function withPermissionsTable(readme: string): string {
  return withTable(readme, 'permissions', permissionsTable());
}

if (import.meta.main) await rewriteReadme(withPermissionsTable);
