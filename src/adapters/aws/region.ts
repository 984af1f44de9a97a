import { SQSClient } from '@aws-sdk/client-sqs';
import { AwsError } from './errors.ts';
import { Imds, ImdsError } from './imds.ts';
import { isMetadataDisabled } from './patience.ts';

/**
 * Where neither environment nor profile names a region, it is that of the instance this runs on. It goes into
 * AWS_REGION, where all clients look for it, and from where it goes along to workers. Rejects with an AwsError that
 * names the variable.
 */
export async function findRegion(): Promise<void> {
  // A client of its own for each try: what it has found it never looks for again.
  const client = new SQSClient({});
  try {
    await client.config.region();
  } catch (error) {
    const lookUp = !process.env.AWS_REGION && !isMetadataDisabled(process.env);
    const region = lookUp ? await regionOfInstance() : undefined;
    if (region === undefined)
      throw new AwsError(error, { service: 'SQS', action: 'signing requests', resource: 'AWS' });
    process.env.AWS_REGION = region;
  } finally {
    client.destroy();
  }
}

async function regionOfInstance(): Promise<string | undefined> {
  const endpoint = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;
  try {
    return (await new Imds(endpoint ? { endpoint } : {}).get('placement/region'))?.trim() || undefined;
  } catch (error) {
    if (error instanceof ImdsError) return undefined;
    throw error;
  }
}
