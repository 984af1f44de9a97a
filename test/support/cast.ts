import { type Portrait, portrait } from './photos.ts';

/** Names for the portraits, as the end-to-end tests use them. Eve is enrolled in one test only. */
export const cast = {
  ada: 'avatar-2',
  ben: 'avatar-4',
  cleo: 'avatar-5',
  eve: 'avatar',
} as const satisfies Record<string, Portrait>;
export type Member = keyof typeof cast;

/** Those whom the tests enrol before they begin. */
export const known = ['ada', 'ben', 'cleo'] as const satisfies readonly Member[];

export const photoOf = (member: Member): Promise<Uint8Array> => portrait(cast[member]);
