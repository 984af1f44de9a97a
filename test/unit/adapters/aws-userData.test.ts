import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { userData } from '../../../src/adapters/aws/userData.ts';
import { settingsOf } from '../../support/ec2/worker.ts';

test('is what cloud-init and systemd read', () => {
  expect(userData({ FACEREC_BACKEND: 'aws', AWS_REGION: 'eu-west-1' })).toBe(`#cloud-config
write_files:
  - path: /etc/facerec/worker.env
    owner: root:root
    permissions: "0600"
    content: |
      AWS_REGION="eu-west-1"
      FACEREC_BACKEND="aws"
runcmd:
  - [systemctl, start, --no-block, facerec-worker.service]
`);
});

test('settings arrive as they were given, whatever is in them', () => {
  const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,20}$/);
  const value = fc.oneof(
    fc.stringMatching(/^[ -~]*$/),
    fc.stringMatching(/^["'\\$`#:{}%!&*|>@ -]*$/),
    fc.array(fc.constantFrom('ä', 'ß', '漢', '😀', ' ')).map(parts => parts.join('')),
  );
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 8, noNullPrototype: true }), settings => {
      expect(settingsOf(userData(settings))).toEqual(settings);
    }),
  );
});

test('does not depend on the order of the settings', () => {
  expect(userData({ A: '1', B: '2' })).toBe(userData({ B: '2', A: '1' }));
});

test.each(['a\nb', 'a\rb', 'a\u2028b', 'a\u0085b', '\0', '\ufeff', '\t', '\ud800'])('refuses %j', value => {
  expect(() => userData({ FACEREC_DATA: value })).toThrow('FACEREC_DATA');
});

test.each(['', 'a b', 'a=b', 'x', '1A', 'A\nB'])('refuses the name %j', name => {
  expect(() => userData({ [name]: 'x' })).toThrow('name');
});

test('refuses more than EC2 takes', () => {
  expect(userData({ A: 'x'.repeat(16_000) }).length).toBeLessThanOrEqual(16_384);
  expect(() => userData({ A: 'x'.repeat(16_384) })).toThrow('16384');
  expect(() => userData({ A: 'ä'.repeat(8_192) })).toThrow('16384');
});
