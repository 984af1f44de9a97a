import { expect, test } from 'bun:test';
import { parseEnvironmentFile } from '../../../src/runtime/environmentFile.ts';

test('lines of NAME=value, with comments, blanks and quotes', () => {
  const { values, problems } = parseEnvironmentFile(`\uFEFF# comment
; comment
FACEREC_A=1\r
  FACEREC_B = two words   
FACEREC_C="quoted \\"word\\" # no comment"
FACEREC_D='single "'
FACEREC_E=
FACEREC_F=a=b
`);
  expect(problems).toEqual([]);
  expect(values).toEqual({
    FACEREC_A: '1',
    FACEREC_B: 'two words',
    FACEREC_C: 'quoted "word" # no comment',
    FACEREC_D: 'single "',
    FACEREC_E: '',
    FACEREC_F: 'a=b',
  });
});

test.each([
  ['export FACEREC_A=1', 'line 1: expected NAME=value'],
  ['FACEREC_A', 'line 1: expected NAME=value'],
  ['\nFACEREC_A=1\nFACEREC_A=2', 'line 3: FACEREC_A is in line 2 already'],
  ['FACEREC_A="1', 'line 1: FACEREC_A: the quotes are not closed, or the line goes on in the next one'],
  ['FACEREC_A="', 'line 1: FACEREC_A: the quotes are not closed, or the line goes on in the next one'],
  ['FACEREC_A="1" 2"', 'line 1: FACEREC_A: the quotes are not closed, or the line goes on in the next one'],
  ['FACEREC_A=1\\', 'line 1: FACEREC_A: the quotes are not closed, or the line goes on in the next one'],
  [
    'AWS_REGION=x',
    'line 1: AWS_REGION: only FACEREC_ variables are read here; others belong in the environment',
  ],
  ['FACEREC_CONFIG=/x', 'line 1: FACEREC_CONFIG cannot name another file from within one'],
])('%j is a problem', (text, problem) => {
  expect(parseEnvironmentFile(text).problems).toEqual([problem]);
});
