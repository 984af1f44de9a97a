import type { Program } from '../../variables.ts';
import { tagKeys } from './tags.ts';

export type QueueRole = 'requests' | 'responses' | 'deadLetters';
export type BucketRole = 'input' | 'output' | 'gallery';

/** What a permission is for. `{fleet}` stands for the name of the fleet; `*` for anything, as in IAM. */
export type Target =
  | { readonly queue: QueueRole }
  /** Objects whose keys match; keys of the gallery are those behind its prefix. */
  | { readonly bucket: BucketRole; readonly keys: string }
  /**
   * The bucket itself, of which what begins so is listed. Not to be made a condition on `s3:prefix`: where there is
   * nothing, S3 answers 403 instead of 404 to those who may not list, and a read has no prefix that could meet it.
   */
  | { readonly bucket: BucketRole; readonly lists: readonly string[] }
  /** Resource types of EC2, such as `instance/*`; `*` for actions that know none. */
  | { readonly ec2: readonly string[] }
  /** The role in the instance profile of the workers. */
  | { readonly role: 'worker' };

/** IAM conditions: operator, key, values. `{fleet}` as in `Target`. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

export interface Permission {
  readonly program: Program;
  /** IAM action, such as `sqs:SendMessage`. */
  readonly action: string;
  readonly target: Target;
  /** The permission may be given under these. */
  readonly conditions?: Conditions;
  /** Why it is needed although an ordinary run does not call it. */
  readonly seldom?: string;
}

type Grant = Omit<Permission, 'program'>;

/** Ids of requests are UUIDs of version 7, which begin with 0 until the year 2527; so do records of idempotency keys. */
const REQUESTS = '0*';
const HEARTBEATS = 'fleet/{fleet}/workers/*';
const ACCEPTED = 'fleet/{fleet}/web/*';
/** Also what tells whether the store can hold a lease. */
export const LEASE = 'fleet/{fleet}/controller*';
const STATUS = 'fleet/{fleet}/status';
const MARKS = 'trying/*';
/** Nothing is there: it is read to see whether the bucket answers. */
const PROBE = 'readyz*';
const HEAD = 'head*';
const SEGMENTS = 'segments/*';
const PICTURES = 'faces/*';
const KEYS = 'access/keys*';
const HOOKS = 'access/webhooks*';
const OUTBOX = 'outbox/*';

function queue(role: QueueRole, actions: string, seldom?: string): Grant[] {
  return grants('sqs', actions, { queue: role }, seldom);
}

function objects(role: BucketRole, keys: string, actions: string, seldom?: string): Grant[] {
  return grants('s3', actions, { bucket: role, keys }, seldom);
}

function lists(role: BucketRole, prefixes: readonly string[], seldom?: string): Grant[] {
  return grants('s3', 'ListBucket', { bucket: role, lists: prefixes }, seldom);
}

function grants(service: string, actions: string, target: Target, seldom?: string): Grant[] {
  return actions
    .split(' ')
    .map(action => ({ action: `${service}:${action}`, target, ...(seldom !== undefined && { seldom }) }));
}

const ofFleet = { StringEquals: { [`aws:ResourceTag/${tagKeys.fleet}`]: '{fleet}' } };
const forFleet = { StringEquals: { [`aws:RequestTag/${tagKeys.fleet}`]: '{fleet}' } };

const atStart: readonly Grant[] = [
  ...(['requests', 'responses', 'deadLetters'] as const).flatMap(role => queue(role, 'GetQueueUrl')),
  ...objects('input', PROBE, 'GetObject'),
  ...objects('output', PROBE, 'GetObject'),
];
const readsGallery: readonly Grant[] = [
  ...lists('gallery', ['segments/']),
  ...objects('gallery', HEAD, 'GetObject PutObject'),
  ...objects('gallery', SEGMENTS, 'GetObject PutObject'),
];

const web: readonly Grant[] = [
  ...atStart,
  ...queue('requests', 'GetQueueAttributes SendMessage'),
  ...queue('responses', 'GetQueueAttributes ReceiveMessage DeleteMessage'),
  ...queue(
    'responses',
    'ChangeMessageVisibility',
    'what arrives while a poll is being stopped is given back',
  ),
  ...queue('deadLetters', 'GetQueueAttributes'),
  ...lists('input', [REQUESTS]),
  ...objects('input', REQUESTS, 'PutObject DeleteObject'),
  ...lists('output', [REQUESTS, OUTBOX]),
  ...objects('output', REQUESTS, 'GetObject DeleteObject'),
  ...objects('output', REQUESTS, 'PutObject', 'an upload comes with an Idempotency-Key'),
  ...queue(
    'deadLetters',
    'ReceiveMessage ChangeMessageVisibility DeleteMessage',
    'somebody looks at the dead letters, or sends them round again',
  ),
  ...objects('output', ACCEPTED, 'PutObject DeleteObject'),
  ...objects('output', STATUS, 'GetObject', 'somebody looks at the live page'),
  ...objects('output', OUTBOX, 'PutObject DeleteObject', 'there is a webhook'),
  ...readsGallery,
  ...objects('gallery', PICTURES, 'DeleteObject'),
  ...objects('gallery', PICTURES, 'GetObject', 'somebody looks at a face, or merges people'),
  ...objects('gallery', PICTURES, 'PutObject', 'people are merged'),
  ...objects('gallery', KEYS, 'GetObject'),
  ...objects('gallery', KEYS, 'PutObject', 'a key is made or revoked, a session opened'),
  ...objects('gallery', HOOKS, 'GetObject'),
  ...objects('gallery', HOOKS, 'PutObject', 'a webhook is added or deleted'),
];

const controller: readonly Grant[] = [
  ...atStart,
  ...queue('requests', 'GetQueueAttributes'),
  ...queue('responses', 'SendMessage'),
  ...queue('deadLetters', 'GetQueueAttributes ReceiveMessage ChangeMessageVisibility'),
  ...lists('input', [REQUESTS]),
  ...objects('input', REQUESTS, 'DeleteObject'),
  ...lists('output', [REQUESTS, HEARTBEATS, ACCEPTED, OUTBOX]),
  ...objects('output', REQUESTS, 'GetObject PutObject DeleteObject'),
  ...objects('output', ACCEPTED, 'GetObject'),
  ...objects('output', ACCEPTED, 'DeleteObject', 'of web servers that are gone for half an hour'),
  ...objects('output', HEARTBEATS, 'GetObject'),
  ...objects('output', HEARTBEATS, 'DeleteObject', 'of instances that are gone for an hour'),
  ...objects('output', LEASE, 'GetObject PutObject'),
  ...objects('output', STATUS, 'PutObject'),
  ...objects('output', OUTBOX, 'GetObject PutObject DeleteObject', 'there is a webhook'),
  ...readsGallery,
  ...objects('gallery', HOOKS, 'GetObject'),
  ...objects('gallery', SEGMENTS, 'DeleteObject'),
  ...objects('gallery', PICTURES, 'DeleteObject'),
  { action: 'ec2:DescribeInstances', target: { ec2: ['*'] } },
  { action: 'ec2:RunInstances', target: { ec2: ['instance/*', 'volume/*'] }, conditions: forFleet },
  {
    action: 'ec2:RunInstances',
    target: {
      ec2: [
        'image/*',
        'subnet/*',
        'network-interface/*',
        'security-group/*',
        'key-pair/*',
        'launch-template/*',
        'spot-instances-request/*',
      ],
    },
  },
  {
    // The tags of new instances and volumes.
    action: 'ec2:CreateTags',
    target: { ec2: ['instance/*', 'volume/*'] },
    conditions: { StringEquals: { 'ec2:CreateAction': 'RunInstances' } },
  },
  {
    // Grants leave.
    action: 'ec2:CreateTags',
    target: { ec2: ['instance/*'] },
    conditions: { ...ofFleet, 'ForAllValues:StringEquals': { 'aws:TagKeys': [tagKeys.drain] } },
  },
  {
    action: 'ec2:TerminateInstances',
    target: { ec2: ['instance/*'] },
    conditions: ofFleet,
    seldom: 'of instances that do not report within ten minutes, or hang when they are to leave',
  },
  {
    action: 'iam:PassRole',
    target: { role: 'worker' },
    conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
  },
];

const worker: readonly Grant[] = [
  ...atStart,
  ...queue('requests', 'ReceiveMessage DeleteMessage ChangeMessageVisibility'),
  ...queue('responses', 'SendMessage'),
  ...queue('deadLetters', 'SendMessage'),
  ...lists('input', [], 'without it, a photo that is gone looks forbidden, and is tried again'),
  ...objects('input', REQUESTS, 'GetObject DeleteObject'),
  ...lists(
    'output',
    [HEARTBEATS],
    'without it, what is not there looks forbidden; lists when no controller is seen',
  ),
  ...objects('output', REQUESTS, 'GetObject PutObject'),
  ...objects('output', HEARTBEATS, 'PutObject DeleteObject'),
  ...objects('output', HEARTBEATS, 'GetObject', 'idle for two minutes, and no controller is seen'),
  ...objects('output', LEASE, 'GetObject'),
  ...objects('output', MARKS, 'GetObject PutObject DeleteObject'),
  ...readsGallery,
  ...objects('gallery', PICTURES, 'PutObject DeleteObject'),
];

/**
 * All that the programs do in an AWS account, and nothing else. The doctor asks for it and the README lists it; a test
 * holds it against what the programs call.
 */
export const permissions: readonly Permission[] = Object.entries({ web, controller, worker }).flatMap(
  ([program, granted]) => granted.map(grant => ({ program: program as Program, ...grant })),
);

/** Who needs the action on a target that is picked so, in the order of the programs. */
export function programsThat(action: string, picks: (target: Target) => boolean): Program[] {
  return permissions
    .filter(permission => permission.action === action && picks(permission.target))
    .map(({ program }) => program);
}
