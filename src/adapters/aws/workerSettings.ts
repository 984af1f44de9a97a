import { variableNames, variables } from '../../variables.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Endpoints go along for test servers and private networks; credentials never do. */
const aws = /^AWS_(REGION|DEFAULT_REGION|ENDPOINT_URL(_S3|_SQS)?)$/;

/** What a worker must be told at launch: the controller's own settings, as far as they concern a worker. */
export function workerSettings(environment: Environment): Record<string, string> {
  const ours = variableNames.filter(name => variables[name].programs.some(program => program === 'worker'));
  const names = [...ours, ...Object.keys(environment).filter(name => aws.test(name))];
  return Object.fromEntries(
    names.flatMap(name => {
      const value = environment[name];
      return value ? [[name, value]] : [];
    }),
  );
}
