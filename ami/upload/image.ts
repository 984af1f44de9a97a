import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeImagesCommand,
  type EC2Client,
  type Image,
  RegisterImageCommand,
  type RegisterImageCommandInput,
} from '@aws-sdk/client-ec2';
import { type PatienceOptions, patiently } from './patience.ts';
import { CONTENT_TAG } from './snapshot.ts';

export interface ImageOptions extends PatienceOptions {
  readonly ec2: EC2Client;
  readonly name: string;
  readonly digest: string;
  readonly gibibytes: number;
  readonly architecture: 'x86_64' | 'arm64';
  readonly bootMode: 'uefi' | 'uefi-preferred';
  readonly pollMs: number;
}

/** The launch templates speak of the disk by this name. */
const ROOT_DEVICE = '/dev/xvda';
const LONGEST_MS = 900_000;

/** The account's image of the name. Rejects when it is one of other content. */
export async function registered({
  ec2,
  name,
  digest,
  ...options
}: ImageOptions): Promise<Image | undefined> {
  const command = new DescribeImagesCommand({
    Owners: ['self'],
    Filters: [{ Name: 'name', Values: [name] }],
  });
  const { Images: [image] = [] } = await patiently(() => ec2.send(command), options);
  const content = image?.Tags?.find(({ Key }) => Key === CONTENT_TAG)?.Value;
  if (image && content !== digest)
    throw new Error(`${image.ImageId} has the name ${name} and other content: give another --name`);
  return image;
}

/** Registers the image, and resolves to its id when it can be launched. */
export async function register(snapshot: string, options: ImageOptions): Promise<string> {
  const { ec2, pollMs } = options;
  const command = new RegisterImageCommand(registration(snapshot, options));
  const id = await patiently(() => ec2.send(command), options).then(
    ({ ImageId }) => ImageId,
    async error => {
      // The name is taken: by the request before, if its answer was lost.
      if (!(error instanceof Error) || error.name !== 'InvalidAMIName.Duplicate') throw error;
      return (await registered(options))?.ImageId;
    },
  );
  const end = performance.now() + LONGEST_MS;
  for (;;) {
    const image = await registered(options);
    if (image?.State === 'available') return image.ImageId!;
    if (image && image.State !== 'pending')
      throw new Error(
        `image ${id} is ${image.State}: ${image.StateReason?.Message ?? 'EC2 does not say why'}`,
      );
    if (performance.now() > end)
      throw new Error(`image ${id} has not become available: run this again later`);
    await sleep(pollMs);
  }
}

function registration(
  SnapshotId: string,
  { name, digest, gibibytes, architecture, bootMode }: ImageOptions,
): RegisterImageCommandInput {
  return {
    Name: name,
    Description: 'facerec',
    Architecture: architecture,
    BootMode: bootMode,
    VirtualizationType: 'hvm',
    EnaSupport: true,
    ImdsSupport: 'v2.0',
    RootDeviceName: ROOT_DEVICE,
    BlockDeviceMappings: [
      {
        DeviceName: ROOT_DEVICE,
        Ebs: { SnapshotId, VolumeType: 'gp3', VolumeSize: gibibytes, DeleteOnTermination: true },
      },
    ],
    TagSpecifications: [
      {
        ResourceType: 'image',
        Tags: [
          { Key: 'Name', Value: name },
          { Key: CONTENT_TAG, Value: digest },
        ],
      },
    ],
  };
}
