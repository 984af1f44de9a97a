/** The architecture's arrows. Entry points reach everything; everything else only what is named here. */
const entries = '^src/(web|controller|worker)\\.ts$';

/** Files under `from` may import themselves and `to`, and nothing else of the project. */
function only(name, from, to) {
  return {
    name,
    severity: 'error',
    from: { path: from, pathNot: entries },
    to: { path: '^src/', pathNot: [from, ...to] },
  };
}

const types = '^src/ports\\.ts$';
const core = '^src/core/';
const gallery = '^src/gallery/';
const runtime = '^src/runtime/';
const config = '^src/(config|variables)\\.ts$';
const face = '^src/face/';
const webhooks = '^src/webhooks/';
const evaluation = '^src/evaluate/';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$', 'engine-thread\\.ts$'] },
      to: {},
    },
    { name: 'nothing-imports-entries', severity: 'error', from: {}, to: { path: entries } },
    only('core-is-pure', core, [types]),
    {
      name: 'core-has-valibot-only',
      severity: 'error',
      from: { path: core },
      to: { dependencyTypes: ['npm', 'npm-dev', 'core'], pathNot: 'node_modules/valibot' },
    },
    only('face-knows-core-only', face, [core]),
    {
      name: 'face-has-no-aws',
      severity: 'error',
      from: { path: face },
      to: { path: 'node_modules/(@aws-sdk|hono)' },
    },
    only('gallery-over-ports', gallery, [core, types]),
    only('ports-are-types', types, []),
    only('config-stands-alone', config, [core]),
    // Reached from the executables only, where the build puts it between a package and its add-on.
    only('native-serves-the-build', '^src/native/', [core]),
    only('runtime-serves-all', runtime, [config, core, types]),
    // Published as it is: types of core, and nothing that runs.
    only('client-stands-alone', '^src/client/', [core]),
    only('webhooks-over-ports', webhooks, [core, types, runtime]),
    only('web-over-ports', '^src/web/', [core, types, gallery, webhooks, runtime, config]),
    only('controller-over-ports', '^src/controller/', [core, types, gallery, webhooks, runtime, config]),
    only('evaluation-is-pure', evaluation, [core]),
    only('worker-over-ports', '^src/worker/', [core, types, gallery, runtime, config, face, evaluation]),
    // With the parts of the AWS adapter that decide and do no I/O, so that the simulated controller launches as the real one.
    only('simulation-is-pure', '^src/simulate/', [
      core,
      types,
      '^src/adapters/aws/(slots|launchStep|launchReply|rests|token)\\.ts$',
    ]),
    // choose.ts, which puts them together for the entry points, is free.
    only('adapters-over-ports', '^src/adapters/(local|aws)/', [types, config, core, runtime]),
    {
      name: 'adapters-never-meet',
      severity: 'error',
      from: { path: '^src/adapters/(local|aws)/' },
      to: { path: '^src/adapters/(local|aws)/', pathNot: '^src/adapters/$1/' },
    },
    {
      name: 'no-dev-dependencies-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: ['bun-types'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^bun(:|$)' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['bun', 'import', 'node', 'default'],
    },
    builtInModules: { add: ['bun', 'bun:ffi', 'bun:sqlite', 'bun:test'] },
  },
};
