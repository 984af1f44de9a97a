/** The least that a configuration for AWS must name. */
export const awsNames = {
  FACEREC_BACKEND: 'aws',
  FACEREC_REQUEST_QUEUE: 'requests',
  FACEREC_RESPONSE_QUEUE: 'responses',
  FACEREC_DEAD_LETTER_QUEUE: 'dead',
  FACEREC_INPUT_BUCKET: 'photos',
  FACEREC_OUTPUT_BUCKET: 'results',
};
