import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { account, type Deployed, deploy, type Parameters, region } from './deployed.ts';
import { parseTemplate, type Template } from './template.ts';

export const stackFile = join(import.meta.dir, '../../../ami/cloudformation/stack.yaml');
export const template = parseTemplate(await readFile(stackFile, 'utf8'));

/** The least that has to be said. */
export const parameters = { ImageId: 'ami-0123456789abcdef0', AllowedCidr: '203.0.113.7/32' };

/** Our stack, deployed on paper. */
export function deployedStack(given: Parameters = {}, from: Template = template): Deployed {
  return deploy(from, { ...parameters, ...given }, (name, attribute) => identity(name, attribute, from));
}

/** What Ref and GetAtt answer, in the form that each service has. */
export function identity(name: string, attribute?: string, { Resources }: Template = template): string {
  const type = Resources[name]?.Type;
  const id = name.toLowerCase();
  switch (`${type} ${attribute ?? ''}`.trim()) {
    case 'AWS::SQS::Queue':
      return `https://sqs.${region}.amazonaws.com/${account}/facerec-${name}`;
    case 'AWS::SQS::Queue Arn':
      return `arn:aws:sqs:${region}:${account}:facerec-${name}`;
    case 'AWS::SQS::Queue QueueName':
    case 'AWS::S3::Bucket':
      return `facerec-${id}`;
    case 'AWS::S3::Bucket Arn':
      return `arn:aws:s3:::facerec-${id}`;
    case 'AWS::IAM::Role Arn':
      return `arn:aws:iam::${account}:role/facerec-${name}`;
    case 'AWS::IAM::InstanceProfile Arn':
      return `arn:aws:iam::${account}:instance-profile/facerec-${name}`;
    case 'AWS::EC2::LaunchTemplate':
      return `lt-${Buffer.from(name).toString('hex').slice(0, 17)}`;
    case 'AWS::EC2::LaunchTemplate LatestVersionNumber':
      return '1';
    case 'AWS::EC2::SecurityGroup':
    case 'AWS::EC2::SecurityGroup GroupId':
      return `sg-${id}`;
    case 'AWS::EC2::Subnet':
      return `subnet-${id}`;
    case 'AWS::EC2::VPC':
      return 'vpc-0123456789abcdef0';
    case 'AWS::EC2::Instance PublicIp':
      return '198.51.100.1';
    default:
      if (type === undefined) throw new Error(`the stack has no ${name}`);
      return `${id}${attribute ? `.${attribute}` : ''}`;
  }
}
