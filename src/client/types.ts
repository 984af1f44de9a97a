export type { Enrolled, Face, Failed, Recognised, Result } from '../core/results.ts';

import type { Result } from '../core/results.ts';

export type Photo = Blob | Uint8Array<ArrayBuffer>;

export interface Queued {
  readonly id: string;
  readonly status: 'queued';
  /** Path of the result. */
  readonly result: string;
}

export interface UploadOptions {
  /** Least cosine similarity at which a face is named. */
  readonly threshold?: number;
  /** Makes it safe to send the upload again: the same key is the same request. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface EnrolOptions extends Omit<UploadOptions, 'threshold'> {
  /** Which face of a photo of several people is meant: [x, y, width, height], as a result tells it. */
  readonly box?: readonly [number, number, number, number];
}

export interface EnrolledFace {
  readonly id: string;
  readonly file: string;
  readonly quality: number;
  readonly model: string;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly faces: readonly EnrolledFace[];
}

export interface PeopleQuery {
  /** Part of the name or id, in whatever case, with or without accents. */
  readonly q?: string;
  /** People a page, 1 to 1,000. */
  readonly limit?: number;
}

export interface PeoplePage {
  readonly people: readonly Person[];
  /** How many people fit, on all pages. */
  readonly total: number;
  readonly next?: string;
}

export interface ResultsQuery {
  readonly status?: 'done' | 'failed';
  readonly person?: string;
  /** Results a page, 1 to 100. */
  readonly limit?: number;
}

export interface BatchFile {
  readonly file: string;
  readonly photo: Photo;
}

export type BatchOutcome =
  | ({ readonly file: string } & Queued)
  | {
      readonly file: string;
      readonly status: 'refused';
      readonly problem: Readonly<Record<string, unknown>>;
    };

export interface Batch {
  readonly queued: number;
  readonly refused: number;
  readonly files: readonly BatchOutcome[];
}

export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly createdAt: string;
  /** Only as answer to `putWebhook`. */
  readonly secret?: string;
}

export interface ResultPage {
  readonly results: readonly Result[];
  readonly next?: string;
}
