import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import type { Built } from './build.ts';
import type { Component } from './components.ts';

/**
 * What a release consists of, as a software bill of materials: each program, and the components in it.
 * CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/. It depends on nothing but its content: there is no time in it, and
 * its serial number is a fingerprint.
 */
export function sbom(release: string, built: readonly Built[], sha256: (file: string) => string): object {
  const parts = new Map(built.flatMap(({ components }) => components.slice(1).map(c => [reference(c), c])));
  const programs = built.map(({ file, components: [itself] }) => ({
    type: 'application',
    'bom-ref': basename(file),
    name: basename(file),
    version: itself?.version,
    licenses: licences(manifest.license),
    hashes: [{ alg: 'SHA-256', content: sha256(file) }],
  }));
  const components = [...parts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => library(part));
  const dependencies = built.map(({ file, components: [, ...inside] }) => ({
    ref: basename(file),
    dependsOn: inside.map(reference),
  }));
  const content = {
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': release,
        name: manifest.name,
        version: manifest.version,
        description: manifest.description,
        licenses: licences(manifest.license),
      },
    },
    components: [...programs, ...components],
    dependencies: [{ ref: release, dependsOn: programs.map(({ name }) => name) }, ...dependencies],
  };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    ...content,
  };
}

const reference = ({ name, version }: Component) => `${name}@${version}`;

function library({ name, version, licence, purl, homepage, ...rest }: Component): object {
  return {
    type: 'library',
    'bom-ref': reference({ name, version, licence, ...rest }),
    name,
    version,
    licenses: licences(licence),
    ...(purl && { purl }),
    ...(homepage && { externalReferences: [{ type: 'website', url: homepage }] }),
  };
}

function licences(licence: string): object[] {
  if (/ (AND|OR) /.test(licence)) return [{ expression: licence }];
  return [{ license: / /.test(licence) ? { name: licence } : { id: licence } }];
}

/** A UUID made of a fingerprint (version 8, RFC 9562). */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
