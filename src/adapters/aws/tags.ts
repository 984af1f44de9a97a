import type { Tag } from '@aws-sdk/client-ec2';
import { formatMark, type LaunchMark } from './token.ts';

/**
 * What the fleet writes on its instances. The keys can be read through instance metadata, which allows letters, digits
 * and `+ - = . , _ : @` in them, and neither blanks nor slashes.
 */
export const tagKeys = {
  name: 'Name',
  /** Which fleet an instance belongs to. */
  fleet: 'facerec-fleet',
  slot: 'facerec-slot',
  /** Which launch of the slot made it: see `LaunchMark`. */
  launch: 'facerec-launch',
  /** Leave is granted; the value says since when. */
  drain: 'facerec-drain',
} as const;

export const namePrefix = 'app-tier-instance-';

/** The tags of a new instance and its volumes: a function of its arguments alone, as a retried launch must say the same again. */
export function launchTags(fleet: string, slot: number, mark: LaunchMark, token: string): Tag[] {
  const tags = {
    [tagKeys.name]: `${namePrefix}${slot}-${token.slice(0, 8)}`,
    [tagKeys.fleet]: fleet,
    [tagKeys.slot]: String(slot),
    [tagKeys.launch]: formatMark(mark),
  };
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** The slot that a tag or, where somebody has removed it, the instance's name tells; undefined when neither does. */
export function slotOf(tags: ReadonlyMap<string, string>): number | undefined {
  const fromName = /^app-tier-instance-(\d+)-/.exec(tags.get(tagKeys.name) ?? '')?.[1];
  const text = tags.get(tagKeys.slot) ?? fromName;
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

export function tagMap(tags: readonly Tag[] | undefined): Map<string, string> {
  return new Map(
    (tags ?? []).flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? ''] as const])),
  );
}
