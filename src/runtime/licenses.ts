import manifest from '../../package.json' with { type: 'json' };
import type { Program } from '../variables.ts';

/**
 * What `--licenses` prints. From source that is where to look; the build of the executables puts a module in this one's
 * place that holds the texts of all that is bundled.
 */
export async function licenses(program: Program): Promise<string> {
  const packages = Object.entries(manifest.dependencies).map(
    ([name, version]) => `  ${name} ${version}: node_modules/${name}`,
  );
  return `facerec-${program} is under the ${manifest.license} licence (file LICENSE).

Packages that it uses, each with its licence in its directory:
${packages.join('\n')}
`;
}
