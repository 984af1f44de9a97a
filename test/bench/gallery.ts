/**
 * A gallery of many faces: what a worker's start, a search, a new face and memory cost, whom 8-bit embeddings lose, and whom the
 * first look at sketches. Prints JSON.
 *
 * Embeddings are made up, with the similarities of the bundled model on photographs: 0.71 ± 0.12 for one person, and for strangers
 * 0.0 ± 0.11, with families whose members resemble each other more.
 *
 * Words: `all` '' FACES PROBES LOOKS. PROBES are searched for with 32 bits too, which takes most of the time unless there are 0;
 * LOOKS with and without the first look.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalBlobs } from '../../src/adapters/local/blobs.ts';
import { pack } from '../../src/core/embedding.ts';
import type { GalleryEvent } from '../../src/gallery/events.ts';
import { FaceIndex } from '../../src/gallery/faceIndex.ts';
import { GalleryStore } from '../../src/gallery/store.ts';
import { cpuMs, peakMiB, quantile } from './measure.ts';
import { madeUpFace, madeUpPerson, type Person } from './people.ts';

const DIMENSIONS = 512;
const PORTION = 5000;
const [step = 'all', directory = '', count = '100000', probeCount = '1000', lookCount = '5000'] =
  process.argv.slice(2);
const faces = Number(count);
const looks = Number(lookCount);

if (step === 'load') await load();
else await all();

/** Opens the gallery as a worker does, in a process of its own so that its memory can be told. */
async function load(): Promise<void> {
  const blobs = await LocalBlobs.open(directory);
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const [wall, cpu] = [performance.now(), cpuMs()];
  const { store, index } = openIndex(blobs);
  await store.refresh();
  const result = {
    wall: performance.now() - wall,
    cpu: cpuMs() - cpu,
    // Not as `resourceUsage` tells it, which begins with the parent process's.
    peak: peakMiB(process.pid) * 2 ** 20 - before,
  };
  Bun.gc(true);
  await Bun.sleep(200);
  Bun.gc(true);
  const held = process.memoryUsage.rss() - before;
  console.log(JSON.stringify({ ...result, held, size: index.size, people: index.people }));
}

function openIndex(blobs: LocalBlobs) {
  const index = new FaceIndex(DIMENSIONS);
  const store = new GalleryStore({
    blobs,
    describes: false,
    onChange: change => {
      if ('removed' in change) index.remove(change.removed);
      else index.add(change.added.face, change.added.person, change.added.embedding);
    },
  });
  return { store, index };
}

async function all(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'facerec-bench-'));
  try {
    const blobs = await LocalBlobs.open(join(root, 'gallery'));
    const people = await fill(blobs);
    const segments = await blobs.list('segments/');
    const stored = segments.reduce((sum, { size }) => sum + size, 0);
    const child = Bun.spawn([process.execPath, import.meta.path, 'load', join(root, 'gallery')], {
      stdout: 'pipe',
    });
    const loaded = JSON.parse((await new Response(child.stdout).text()).trim().split('\n').at(-1)!);
    const { store, index } = openIndex(blobs);
    await store.refresh();
    const result = {
      ...{ faces: index.size, people: index.people, segments: segments.length, stored, loaded },
      search: searches(index, people),
      recall: Number(probeCount) > 0 ? recall(index, people) : undefined,
      look: look(index, people),
      visible: await visibility(blobs, store),
    };
    console.log(JSON.stringify(result));
  } finally {
    await rm(root, { recursive: true });
  }
}

/** Two faces a person, in segments of the size that compaction makes. */
async function fill(blobs: LocalBlobs): Promise<Person[]> {
  const { store } = openIndex(blobs);
  const people: Person[] = [];
  let events: GalleryEvent[] = [];
  for (let i = 0; i < faces; i += 2) {
    const person = madeUpPerson(i / 2, DIMENSIONS);
    people.push(person);
    const id = `person-${i / 2}`;
    events.push({ type: 'person', person: id, name: `Person No. ${i / 2}`, at: Bun.randomUUIDv7() });
    for (const n of [0, 1]) {
      const embedding = pack(madeUpFace(person, n));
      const face = Bun.randomUUIDv7();
      events.push({
        type: 'face',
        person: id,
        face,
        file: `photo-${i + n}.jpg`,
        model: 'm',
        quality: 3,
        embedding,
      });
    }
    if (events.length >= PORTION || i + 2 >= faces) {
      await store.append(events);
      events = [];
    }
  }
  return people;
}

/** ms of one face's search. */
function searches(index: FaceIndex, people: readonly Person[]) {
  const queries = people.slice(0, 200).map(person => madeUpFace(person, 2));
  for (const query of queries.slice(0, 20)) index.search(query);
  const walls: number[] = [];
  const cpu = cpuMs();
  for (const query of queries) {
    const started = performance.now();
    index.search(query);
    walls.push(performance.now() - started);
  }
  return {
    best: Math.min(...walls),
    p50: quantile(walls, 0.5),
    p95: quantile(walls, 0.95),
    cpu: (cpuMs() - cpu) / queries.length,
  };
}

/**
 * How many searches find another first person, or another first or second one, than comparing with everybody does; of faces whose
 * person is in the gallery, and of strangers.
 */
function look(index: FaceIndex, people: readonly Person[]) {
  const everybody = new FaceIndex(DIMENSIONS, Number.POSITIVE_INFINITY);
  for (const [i, person] of people.entries())
    for (const n of [0, 1]) everybody.add(`${i} ${n}`, `person-${i}`, pack(madeUpFace(person, n)));
  const compare = (queries: readonly Float32Array[]) => {
    let [first, either, margin] = [0, 0, 0];
    for (const query of queries) {
      const [found, right] = [index.search(query)!, everybody.search(query)!];
      const difference = Math.abs(found.margin! - right.margin!);
      if (found.person !== right.person) first++;
      if (found.person !== right.person || difference > 0) either++;
      margin = Math.max(margin, difference);
    }
    return { searches: queries.length, first, either, margin };
  };
  const spread = Array.from({ length: looks }, (_, i) => people[Math.floor((i * people.length) / looks)]!);
  const strangers = Array.from({ length: looks }, (_, i) => madeUpPerson(2_000_000 + i, DIMENSIONS));
  return {
    genuine: compare(spread.map(person => madeUpFace(person, 3))),
    strangers: compare(strangers.map(person => madeUpFace(person, 0))),
  };
}

/** Probes for which 8 bits name somebody else than 32 bits do, or nobody, at the default threshold. */
function recall(index: FaceIndex, people: readonly Person[]) {
  const probes = people.slice(0, Number(probeCount));
  const exact = exactBest(
    people,
    probes.map(person => madeUpFace(person, 2)),
  );
  let right = 0;
  let same = 0;
  let worst = 0;
  let worstMargin = 0;
  for (const [i, person] of probes.entries()) {
    const found = index.search(madeUpFace(person, 2))!;
    const { best, similarity, margin } = exact[i]!;
    if (best === i) right++;
    if (found.person === `person-${best}` && found.similarity >= 0.4 === similarity >= 0.4) same++;
    worst = Math.max(worst, Math.abs(found.similarity - similarity));
    worstMargin = Math.max(worstMargin, Math.abs(found.margin! - margin));
  }
  return { probes: probes.length, right, same, worst, worstMargin };
}

function exactBest(people: readonly Person[], queries: readonly Float32Array[]) {
  const found = queries.map(() => ({ best: -1, similarity: -2, other: -2 }));
  for (const [p, person] of people.entries()) {
    const own = [madeUpFace(person, 0), madeUpFace(person, 1)];
    for (const [q, query] of queries.entries()) {
      const similarity = Math.max(dot(own[0]!, query), dot(own[1]!, query));
      const known = found[q]!;
      if (similarity > known.similarity) found[q] = { best: p, similarity, other: known.similarity };
      else if (similarity > known.other) known.other = similarity;
    }
  }
  return found.map(({ best, similarity, other }) => ({ best, similarity, margin: similarity - other }));
}

function dot(one: Float32Array, other: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < one.length; i += 4) {
    a += one[i]! * other[i]!;
    b += one[i + 1]! * other[i + 1]!;
    c += one[i + 2]! * other[i + 2]!;
    d += one[i + 3]! * other[i + 3]!;
  }
  return a + b + c + d;
}

/** ms from the beginning of an enrolment's write until another worker, asked for a photo, knows the face. */
async function visibility(blobs: LocalBlobs, reader: GalleryStore) {
  const { store: writer } = openIndex(blobs);
  await writer.refresh();
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const face = Bun.randomUUIDv7();
    const embedding = pack(madeUpFace(madeUpPerson(1_000_000 + i, DIMENSIONS), 0));
    const started = performance.now();
    await writer.append([
      { type: 'face', person: 'person-0', face, file: 'new.jpg', model: 'm', quality: 3, embedding },
    ]);
    await reader.refresh();
    times.push(performance.now() - started);
    if (!reader.gallery.holds(face)) throw new Error('a new face is not seen');
  }
  return { p50: quantile(times, 0.5), worst: Math.max(...times) };
}
