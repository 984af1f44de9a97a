import type { AwsConfig } from '../../config.ts';

/** A queue and the FACEREC_ variable that names it. */
export interface NamedQueue {
  /** Or only its name, of which the URL is still to be asked for. */
  readonly url: string;
  readonly variable: string;
}

/** A bucket, the prefix under which its keys are, and the FACEREC_ variable that names it. */
export interface NamedBucket {
  readonly bucket: string;
  readonly prefix?: string;
  readonly variable: string;
}

export interface NamedQueues {
  readonly requests: NamedQueue;
  readonly responses: NamedQueue;
  readonly deadLetters: NamedQueue;
}

export interface NamedBuckets {
  readonly input: NamedBucket;
  readonly output: NamedBucket;
  readonly gallery: NamedBucket;
}

/** As the configuration names them. */
export function queuesOf(aws: AwsConfig): NamedQueues {
  return {
    requests: { url: aws.requestQueue, variable: 'FACEREC_REQUEST_QUEUE' },
    responses: { url: aws.responseQueue, variable: 'FACEREC_RESPONSE_QUEUE' },
    deadLetters: { url: aws.deadLetterQueue, variable: 'FACEREC_DEAD_LETTER_QUEUE' },
  };
}

/** As the configuration names them; without a bucket of its own, the gallery is in that of the results. */
export function bucketsOf({ inputBucket, outputBucket, galleryBucket }: AwsConfig): NamedBuckets {
  return {
    input: { bucket: inputBucket, variable: 'FACEREC_INPUT_BUCKET' },
    output: { bucket: outputBucket, variable: 'FACEREC_OUTPUT_BUCKET' },
    gallery: galleryBucket
      ? { bucket: galleryBucket, variable: 'FACEREC_GALLERY_BUCKET' }
      : { bucket: outputBucket, prefix: 'gallery/', variable: 'FACEREC_OUTPUT_BUCKET' },
  };
}
