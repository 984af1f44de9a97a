import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BunPlugin } from 'bun';

/** Processors that executables are built for. */
export const architectures = ['x64', 'arm64'] as const;
export type Arch = (typeof architectures)[number];

const runtime = join(import.meta.dir, '..', 'src', 'native', 'addon.ts');

/** A file on this machine, and where its add-on expects it. */
interface Source {
  readonly from: string;
  readonly path: string;
}

/** Files of the packages in a node_modules folder, libraries before the add-on that needs them. */
function onnxruntimeFiles(packages: string, arch: Arch): Source[] {
  const folder = join(packages, 'onnxruntime-node', 'bin', 'napi-v6', 'linux', arch);
  return ['libonnxruntime.so.1', 'onnxruntime_binding.node'].map(path => ({
    from: join(folder, path),
    path,
  }));
}

function sharpFiles(packages: string, arch: Arch): Source[] {
  const only = (folder: string, pattern: RegExp): Source => {
    const [name, ...more] = readdirSync(join(packages, '@img', folder)).filter(file => pattern.test(file));
    if (name === undefined || more.length > 0)
      throw new Error(`@img/${folder}: expected one file ${pattern}`);
    return { from: join(packages, '@img', folder, name), path: `${folder}/${name}` };
  };
  return [
    only(`sharp-libvips-linux-${arch}/lib`, /^libvips-cpp\.so\.[\d.]+$/),
    only(`sharp-linux-${arch}/lib`, /^sharp-.*\.node$/),
  ];
}

/** A module whose default export is the add-on, loaded from inside the executable. */
function addonModule(name: string, sources: readonly Source[]): string {
  const all = new Bun.CryptoHasher('sha256');
  const files = sources.map(({ from, path }, i) => {
    const content = readFileSync(from);
    const sha256 = new Bun.CryptoHasher('sha256').update(content).digest('hex');
    all.update(`${path} ${sha256}\n`);
    const fields = JSON.stringify({ path, bytes: content.length, sha256 }).slice(1, -1);
    return `{ ${fields}, embedded: file${i} }`;
  });
  const id = `${name}-${all.digest('hex').slice(0, 32)}`;
  return `
    ${sources.map(({ path }, i) => `import file${i} from ${JSON.stringify(`addon-file:${path}`)} with { type: 'file' };`).join('\n')}
    import { loadAddon } from 'addon-loader';
    export default loadAddon({ id: ${JSON.stringify(id)}, files: [${files.join(', ')}] });
  `;
}

/**
 * Puts native add-ons into the executable: replaces what chooses and loads them at run time by modules that carry the files
 * for one processor. A package that has changed in these places fails the build.
 * @param packages the node_modules folder that holds the add-ons for this processor
 */
export function nativeAddons(arch: Arch, packages: string): BunPlugin {
  return {
    name: 'native-addons',
    setup(build) {
      // The modules name these files by words that are the same wherever they are built, and so is what comes out.
      const files = new Map<string, string>();
      const addon = (name: string, sources: () => Source[]) =>
        build.onLoad({ filter: new RegExp(`^${name}$`), namespace: 'addon' }, () => {
          const found = sources();
          for (const { path, from } of found) files.set(`addon-file:${path}`, from);
          return { loader: 'js', contents: addonModule(name, found) };
        });
      build.onResolve({ filter: /^addon:/ }, ({ path }) => ({ path: path.slice(6), namespace: 'addon' }));
      build.onResolve({ filter: /^addon-file:/ }, ({ path }) => ({ path: files.get(path)! }));
      // The bundler would load an add-on by itself, without its libraries.
      build.onLoad({ filter: /\.node$/ }, ({ path }) => ({ loader: 'file', contents: readFileSync(path) }));
      build.onResolve({ filter: /^addon-loader$/ }, () => ({ path: runtime }));
      addon('onnxruntime', () => onnxruntimeFiles(packages, arch));
      addon('sharp', () => sharpFiles(packages, arch));

      const change = (filter: RegExp, edit: (source: string, path: string) => string) =>
        build.onLoad({ filter }, ({ path }) => ({
          loader: 'js',
          contents: edit(readFileSync(path, 'utf8'), path),
        }));
      change(/\/onnxruntime-node\/dist\/binding\.js$/, (source, path) =>
        replace(
          source,
          path,
          /require\(`\.\.\/bin\/napi-v6\/[^`]+`\)/,
          'require("addon:onnxruntime").default',
        ),
      );
      change(/\/sharp\/dist\/sharp\.mjs$/, () => 'export { default } from "addon:sharp";');
      change(
        /\/sharp\/dist\/libvips\.mjs$/,
        () => `export default { runtimePlatformArch: () => "linux-${arch}" };`,
      );
      // Only the table of versions, which nothing here reads; it would be looked for in the working directory.
      change(/\/sharp\/dist\/utility\.mjs$/, (source, path) => {
        const rest = replace(source, path, 'const require = createRequire(import.meta.url);', '');
        return replace(rest, path, /require\((`@img\/sharp-[^`]*`|'@img\/sharp-[^']*')\)/g, '{}');
      });
      // It would run programs of the machine to find out what is known already.
      change(
        /\/detect-libc\/lib\/detect-libc\.js$/,
        () => 'module.exports = { GLIBC: "glibc", MUSL: "musl", familySync: () => "glibc" };',
      );
    },
  };
}

function replace(source: string, path: string, what: string | RegExp, by: string): string {
  const changed = source.replace(what, () => by);
  if (changed === source) throw new Error(`${path}: expected ${what}`);
  return changed;
}
