import { describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deployCommand } from '../../ami/upload.ts';
import { launchSettings } from '../../src/adapters/aws/openFleet.ts';
import { encodeUserData } from '../../src/adapters/aws/userData.ts';
import { readConfig } from '../../src/config.ts';
import { resultKey } from '../../src/core/messages.ts';
import { settingsOf } from '../support/ec2/worker.ts';
import { type Deployed, region } from './support/deployed.ts';
import { referenceFaults } from './support/references.ts';
import { specificationFaults } from './support/specification.ts';
import { deployedStack, identity, stackFile, template } from './support/stack.ts';
import { parseTemplate } from './support/template.ts';

const text = await readFile(stackFile, 'utf8');
const readme = await readFile(join(import.meta.dir, '../../README.md'), 'utf8');
const existing = { VpcId: 'vpc-0aaa', SubnetIds: 'subnet-0a,subnet-0b' };
const certificate = { CertificateArn: `arn:aws:acm:${region}:123456789012:certificate/0` };

// biome-ignore lint/suspicious/noExplicitAny: properties are what the specification says, which is checked here.
type Properties = any;
const propertiesOf = ({ resources }: Deployed, name: string): Properties => resources[name]!.Properties;
const ofType = ({ resources }: Deployed, type: string): [string, Properties][] =>
  Object.entries(resources)
    .filter(([, { Type }]) => Type === type)
    .map(([name, { Properties }]) => [name, Properties]);

test('is what CloudFormation takes', () => {
  expect(specificationFaults(template)).toEqual([]);
  expect(referenceFaults(template)).toEqual([]);
  // Longer ones need a bucket to be deployed from.
  expect(Buffer.byteLength(text)).toBeLessThan(51_200);
});

describe('the checks catch', () => {
  const faultsWith = (from: string | RegExp, to: string) => {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    const parsed = parseTemplate(changed);
    return [...specificationFaults(parsed), ...referenceFaults(parsed)];
  };
  const planted: Readonly<Record<string, readonly [from: string | RegExp, to: string, fault: RegExp]>> = {
    'a misspelt property': [
      'VisibilityTimeout: 30',
      'VisibilityTimout: 30',
      /VisibilityTimout: no such property/,
    ],
    'a misspelt nested property': [' HttpTokens:', ' HttpToken:', /HttpToken: no such property/],
    'a missing property': [
      '\n      SubnetId: !Ref SubnetA\n      RouteTableId: !Ref RouteTable',
      '\n      SubnetId: !Ref SubnetA',
      /RouteTableId: missing/,
    ],
    'a wrong type': [
      'MessageRetentionPeriod: 3600',
      'MessageRetentionPeriod: an hour',
      /expected a whole number/,
    ],
    'text for a list': ['Roles: [!Ref WebRole]', 'Roles: web', /Roles: expected a list/],
    'a list for text': [
      'AvailabilityZone: !Select',
      'AvailabilityZone: [a, b] #',
      /AvailabilityZone: expected text/,
    ],
    'a value that is none of the listed': [
      'ObjectOwnership: BucketOwnerEnforced',
      'ObjectOwnership: Mine',
      /expected one of/,
    ],
    'an unknown type': [
      'Type: AWS::SNS::Topic',
      'Type: AWS::SNS::Topics',
      /no resource type AWS::SNS::Topics/,
    ],
    'a Ref to nothing': [
      '!Ref WorkerSecurityGroup]',
      '!Ref WorkersSecurityGroup]',
      /WorkersSecurityGroup, which is not/,
    ],
    'a Sub of nothing': ['{InputBucket.Arn}/*', '{InputBuckets.Arn}/*', /InputBuckets, which is not/],
    'an attribute that is not there': [
      '!GetAtt DeadLetterQueue.QueueName',
      '!GetAtt DeadLetterQueue.Name',
      /no attribute Name/,
    ],
    'a dependency on nothing': [
      'DependsOn: GatewayAttachment',
      'DependsOn: Gateway',
      /DependsOn of Gateway,/,
    ],
    'a condition that is not there': ['Condition: Mail', 'Condition: Post', /no condition Post/],
    'what is not always made': [
      '!If [Mail, [!Ref AlarmTopic], !Ref AWS::NoValue]',
      '[!Ref AlarmTopic]',
      /AlarmTopic is there with Mail only/,
    ],
    'the wrong branch': [
      '!If [Mail, [!Ref AlarmTopic], !Ref AWS::NoValue]',
      '!If [Mail, !Ref AWS::NoValue, [!Ref AlarmTopic]]',
      /AlarmTopic is there with Mail only/,
    ],
    'a parameter without a use': [
      'Parameters:\n  Im',
      'Parameters:\n  Idle: { Type: String }\n  Im',
      /^Idle: never used/,
    ],
    'a circle': ['DependsOn: GatewayAttachment', 'DependsOn: [GatewayAttachment, WebInstance]', /a circle/],
    'a pseudo parameter that is not there': ['!Ref AWS::NoValue', '!Ref AWS::Nothing', /no pseudo parameter/],
  };
  for (const [what, [from, to, fault]] of Object.entries(planted))
    test(what, () => expect(faultsWith(from, to)).toContainEqual(expect.stringMatching(fault)));

  test('YAML that CloudFormation does not read', () => {
    expect(() => parseTemplate(text.replace("Resource: '*'", 'Resource: *all'))).toThrow();
    expect(() => parseTemplate(text.replace('Parameters:', 'Parameters: &all'))).toThrow('anchors');
    expect(() => parseTemplate(text.replace('{ Type: forward,', '{ Type: forward, to,'))).toThrow(
      'nothing is said of to',
    );
    expect(() => parseTemplate(text.replace("'Null':", 'Null:'))).toThrow('not text');
    expect(() => parseTemplate(text.replace('!GetAtt', '!GetAttribute'))).toThrow('!GetAttribute');
    expect(() =>
      parseTemplate(text.replace('  Conditions:', ' Conditions:').replace('    Type:', '   Type:')),
    ).toThrow();
  });

  test('parameters that would be refused', () => {
    expect(() => deployedStack({ AllowedCidr: 'me' })).toThrow('AllowedCidr');
    expect(() => deployedStack({ Spot: 'yes' })).toThrow('Spot');
    expect(() => deployedStack({ Image: 'ami-0' })).toThrow('no parameter Image');
  });
});

describe('queues', () => {
  const stack = deployedStack();

  test('five attempts, then the dead letters, for two weeks', () => {
    const { RedrivePolicy, MessageRetentionPeriod } = propertiesOf(stack, 'RequestQueue');
    expect(RedrivePolicy).toEqual({
      deadLetterTargetArn: identity('DeadLetterQueue', 'Arn'),
      maxReceiveCount: 5,
    });
    expect(MessageRetentionPeriod).toBeLessThan(7 * 86_400);
    expect(propertiesOf(stack, 'DeadLetterQueue').MessageRetentionPeriod).toBe(14 * 86_400);
  });

  test('all are encrypted', () => {
    const queues = ofType(stack, 'AWS::SQS::Queue');
    expect(queues).toHaveLength(3);
    for (const [, { SqsManagedSseEnabled }] of queues) expect(SqsManagedSseEnabled).toBe(true);
  });

  test('alarms for dead letters and old requests, by mail if wanted', () => {
    expect(propertiesOf(stack, 'DeadLetterAlarm')).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 0,
      Dimensions: [{ Name: 'QueueName', Value: identity('DeadLetterQueue', 'QueueName') }],
    });
    expect(propertiesOf(deployedStack({ AlarmAgeSeconds: '120' }), 'OldestRequestAlarm')).toMatchObject({
      MetricName: 'ApproximateAgeOfOldestMessage',
      Threshold: '120',
      Dimensions: [{ Name: 'QueueName', Value: identity('RequestQueue', 'QueueName') }],
    });
    expect(propertiesOf(stack, 'DeadLetterAlarm').AlarmActions).toBeUndefined();
    const mailed = deployedStack({ AlarmEmail: 'ops@example.com' });
    expect(propertiesOf(mailed, 'DeadLetterAlarm').AlarmActions).toEqual([identity('AlarmTopic')]);
  });
});

describe('buckets', () => {
  const stack = deployedStack({ PhotoDays: '3', ResultDays: '9' });
  const rules = (name: string): Properties[] => propertiesOf(stack, name).LifecycleConfiguration?.Rules ?? [];

  test('are private and encrypted, and refuse what comes without TLS', () => {
    const buckets = ofType(stack, 'AWS::S3::Bucket');
    expect(buckets).toHaveLength(3);
    for (const [name, { PublicAccessBlockConfiguration, BucketEncryption }] of buckets) {
      expect(Object.values(PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
      expect(BucketEncryption.ServerSideEncryptionConfiguration).toHaveLength(1);
      const [, policy] = ofType(stack, 'AWS::S3::BucketPolicy').find(
        ([, { Bucket }]) => Bucket === identity(name),
      )!;
      expect(policy.PolicyDocument.Statement).toEqual([
        {
          Sid: 'TlsOnly',
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: [identity(name, 'Arn'), `${identity(name, 'Arn')}/*`],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ]);
    }
  });

  test('photos and results expire, and nothing else does', () => {
    expect(rules('InputBucket')).toMatchObject([{ Status: 'Enabled', Prefix: '0', ExpirationInDays: '3' }]);
    expect(rules('OutputBucket')).toMatchObject([
      { Status: 'Enabled', Prefix: '0', ExpirationInDays: '9' },
      { Status: 'Enabled', Prefix: 'trying/', ExpirationInDays: 15 },
    ]);
    expect(rules('GalleryBucket')).toEqual([]);
    expect(resultKey({ id: Bun.randomUUIDv7(), file: 'a.jpg' })).toStartWith('0');
    const prefixes = [...rules('InputBucket'), ...rules('OutputBucket')].map(({ Prefix }) => Prefix);
    for (const lasting of ['fleet/', 'gallery/', 'head', 'segments/'])
      expect(prefixes.some(prefix => lasting.startsWith(prefix) || prefix.startsWith(lasting))).toBe(false);
  });
});

for (const [where, network] of Object.entries({ 'a new VPC': {}, 'an existing VPC': existing }))
  describe(`in ${where}`, () => {
    const ingress = (stack: Deployed) =>
      ofType(stack, 'AWS::EC2::SecurityGroup').flatMap(([group, { SecurityGroupIngress = [] }]) =>
        SecurityGroupIngress.map((rule: Properties) => [
          group,
          rule.FromPort,
          rule.ToPort,
          rule.CidrIp ?? rule.SourceSecurityGroupId,
        ]),
      );

    test('HTTP from the allowed addresses, and nothing else comes in', () => {
      const stack = deployedStack(network);
      expect(ingress(stack)).toEqual([['WebSecurityGroup', 8000, 8000, '203.0.113.7/32']]);
      expect(stack.outputs.Url).toBe('http://198.51.100.1:8000');
    });

    test('with a certificate, HTTPS from them, and the web server hears the load balancer only', () => {
      const stack = deployedStack({ ...network, ...certificate });
      expect(ingress(stack).sort()).toEqual([
        ['LoadBalancerSecurityGroup', 443, 443, '203.0.113.7/32'],
        ['WebSecurityGroup', 8000, 8000, identity('LoadBalancerSecurityGroup')],
      ]);
      expect(propertiesOf(stack, 'Listener')).toMatchObject({ Protocol: 'HTTPS', Port: 443 });
      expect(propertiesOf(stack, 'LoadBalancer').Subnets).toHaveLength(2);
      expect(stack.outputs.Url).toStartWith('https://');
    });

    test('what goes out is HTTPS', () => {
      for (const [, { SecurityGroupEgress }] of ofType(deployedStack(network), 'AWS::EC2::SecurityGroup'))
        expect(SecurityGroupEgress).toMatchObject([{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443 }]);
    });

    test('machines: IMDSv2 alone, tags in the metadata, encrypted gp3 disks', () => {
      const templates = ofType(deployedStack(network), 'AWS::EC2::LaunchTemplate');
      expect(templates.map(([name]) => name)).toEqual(['WorkerTemplate', 'WebTemplate']);
      for (const [, { LaunchTemplateData: data }] of templates) {
        expect(data.MetadataOptions).toMatchObject({
          HttpTokens: 'required',
          InstanceMetadataTags: 'enabled',
        });
        expect(data.BlockDeviceMappings).toMatchObject([
          { DeviceName: '/dev/xvda', Ebs: { Encrypted: true, VolumeType: 'gp3', DeleteOnTermination: true } },
        ]);
        expect(data.KeyName).toBeUndefined();
      }
      expect(templates[0]![1].LaunchTemplateData.InstanceInitiatedShutdownBehavior).toBe('terminate');
    });

    test('web server and controller are told everything, and nothing that they do not know', () => {
      const stack = deployedStack({
        ...network,
        WorkerInstanceTypes: 't3.micro,t3a.micro',
        Spot: 'on',
        PhotoDays: '5',
      });
      const settings = webSettings(stack);
      const { aws, photoDays, resultDays, reply, scaling, maxReceives } = readConfig(settings);
      expect({ photoDays, resultDays, reply }).toEqual({ photoDays: 5, resultDays: 30, reply: 'ack' });
      expect(scaling).toMatchObject({ min: 1, max: 15 });
      expect(propertiesOf(stack, 'RequestQueue').RedrivePolicy.maxReceiveCount).toBe(maxReceives);
      expect(aws).toMatchObject({
        requestQueue: identity('RequestQueue'),
        responseQueue: identity('ResponseQueue'),
        deadLetterQueue: identity('DeadLetterQueue'),
        inputBucket: identity('InputBucket'),
        outputBucket: identity('OutputBucket'),
        galleryBucket: identity('GalleryBucket'),
        launchTemplate: { name: identity('WorkerTemplate'), version: '1' },
        instanceTypes: ['t3.micro', 't3a.micro'],
        subnets: 'VpcId' in network ? ['subnet-0a', 'subnet-0b'] : [identity('SubnetA'), identity('SubnetB')],
        spot: true,
      });
      expect(settings).toMatchObject({ AWS_REGION: region, FACEREC_FLEET: 'facerec' });
    });

    test('and workers by the controller, with its settings', () => {
      const settings = webSettings(deployedStack(network));
      const { launch } = launchSettings('facerec', readConfig(settings).aws!, settings);
      const told = settingsOf(launch.userData!);
      expect(told).toMatchObject({
        AWS_REGION: region,
        FACEREC_INPUT_BUCKET: identity('InputBucket'),
        FACEREC_FLEET: 'facerec',
      });
      expect(() => readConfig(told)).not.toThrow();
      expect(encodeUserData(launch.userData!).length).toBeLessThan(16_384);
    });
  });

test('an image of its own for the web server, where there is one', () => {
  const imageOf = (stack: Deployed, name: string) => propertiesOf(stack, name).LaunchTemplateData.ImageId;
  const [one, two] = [deployedStack(), deployedStack({ WebImageId: 'ami-0b' })];
  expect(imageOf(one, 'WebTemplate')).toBe(imageOf(one, 'WorkerTemplate'));
  expect(imageOf(two, 'WebTemplate')).toBe('ami-0b');
});

describe('the README', () => {
  const section = /\n## Deployment on AWS\n(.*?)\n## /s.exec(readme)![1]!;
  const commands = section.split('\n').filter(line => line.startsWith('    '));

  test('needs six commands from an empty account to a photo named, and one back', () => {
    expect(commands).toHaveLength(7);
    for (const command of commands) expect(Bun.spawnSync(['bash', '-nc', command]).exitCode).toBe(0);
    expect(commands[6]).toContain('delete-stack');
  });

  test('deploys this template, with parameters that it has, as the upload proposes', () => {
    const parametersOf = (command: string) =>
      [...command.matchAll(/(\w+)=(?=ami-|\$\()/g)].map(match => match[1]!);
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(parametersOf(commands[1]!)));
    expect(commands[1]).toContain('--template-file ami/cloudformation/stack.yaml ');
    const images = new Map([
      ['worker.raw', 'ami-1'],
      ['web.raw', 'ami-2'],
    ]);
    expect(parametersOf(deployCommand(images, region))).toEqual(parametersOf(commands[1]!));
    const [, ...words] = [...section.matchAll(/`([A-Z]\w+)(?:=\d+)?`/g)].map(match => match[1]!);
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(words));
    // CAPABILITY_IAM is enough where no role has a name of its own.
    for (const { Type, Properties = {} } of Object.values(template.Resources))
      if (Type.startsWith('AWS::IAM::')) expect(Object.keys(Properties)).not.toContain('RoleName');
  });

  test('asks the stack for outputs that it has', () => {
    const asked = [...section.matchAll(/OutputKey=='(\w+)'/g)].map(match => match[1]!);
    expect(asked).toEqual(['Url']);
    expect(Object.keys(template.Outputs)).toEqual(expect.arrayContaining(asked));
  });
});

/** What the user data of the web server puts into the environment of its programs. */
function webSettings(stack: Deployed): Record<string, string> {
  const userData = Buffer.from(
    propertiesOf(stack, 'WebTemplate').LaunchTemplateData.UserData,
    'base64',
  ).toString();
  expect(userData).toStartWith('#cloud-config\n');
  const config = Bun.YAML.parse(userData) as Properties;
  expect(config.runcmd).toEqual([
    ['systemctl', 'enable', '--now', '--no-block', 'facerec-web.service', 'facerec-controller.service'],
  ]);
  const [file] = config.write_files;
  expect(file).toMatchObject({ path: '/etc/facerec/service.env', permissions: '0600' });
  const lines = file.content.trim().split('\n') as string[];
  return Object.fromEntries(
    lines.map(line => /^([A-Z_]+)="([^"\\$`]*)"$/.exec(line)!.slice(1) as [string, string]),
  );
}
