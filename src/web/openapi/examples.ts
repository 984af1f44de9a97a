import type { Enrolled, Recognised } from '../../core/results.ts';
import { REQUEST_ID } from './operation.ts';

export const recognised: Recognised = {
  id: REQUEST_ID,
  file: 'photo.jpg',
  status: 'done',
  label: 'Ada Lovelace',
  image: { width: 1600, height: 1200 },
  faces: [
    {
      box: [457.5, 502.3, 180.7, 210.9],
      score: 1,
      landmarks: [
        [494.4, 580.1],
        [586, 578.4],
        [521.9, 620.7],
        [521.1, 689.9],
        [590.2, 689.9],
      ],
      quality: 3.32,
      person: 'ada',
      label: 'Ada Lovelace',
      similarity: 0.71,
      margin: 0.52,
    },
  ],
  threshold: 0.4,
  model: 'faceplugin-3314a2297fda',
  timings: { download: 0.3, decode: 4.5, detect: 3.2, landmarks: 1.2, align: 0.5, embed: 9.5, total: 19.7 },
};

export const enrolled: Enrolled = {
  id: REQUEST_ID,
  file: 'ada.jpg',
  status: 'done',
  person: 'ada',
  face: REQUEST_ID,
  quality: 3.32,
  box: [457.5, 502.3, 180.7, 210.9],
  model: 'faceplugin-3314a2297fda',
  timings: { total: 19.7 },
};

export const face = { id: REQUEST_ID, file: 'ada.jpg', quality: 3.32, model: 'faceplugin-3314a2297fda' };
export const person = { id: 'ada', name: 'Ada Lovelace', faces: [face] };
