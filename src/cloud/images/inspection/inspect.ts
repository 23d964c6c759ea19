import { StreamDetector } from './detector.ts';
import { admitFor, type Inspection, type InspectionPolicy, isKnownFormat, mismatch, unsupported } from './policy.ts';

export interface InspectionOptions {
  /** The format that the image's owner states, as Glance spells them. */
  declaredFormat: string;
  /** What the image is inspected for. */
  policy?: InspectionPolicy;
  /** The largest disk an image may describe, in bytes. Raw images are held to the limits on the upload itself. */
  maxVirtualSize?: number;
}

export const defaultMaxVirtualSize = 2 ** 40;

export interface Inspector {
  /** Takes the next bytes of the image, in pieces of any size. Throws `ImageRefused` as soon as that is certain. */
  push(chunk: Buffer): void;
  /** Judges the whole image; throws `ImageRefused`. */
  finish(): Inspection;
}

/**
 * Inspects an image while it streams by, without any tool that would open it: every format's parser sees every image,
 * and what the owner declares is only held against what they find. Memory is bounded by about 2 MiB.
 */
export function createInspector(options: InspectionOptions): Inspector {
  const { declaredFormat, policy = 'upload', maxVirtualSize = defaultMaxVirtualSize } = options;
  if (!isKnownFormat(declaredFormat)) throw unsupported(declaredFormat);
  const detector = new StreamDetector({ declaredFormat, maxVirtualSize });
  const declared = detector.run(declaredFormat);
  let isSettled = declared === undefined;
  return {
    push(chunk) {
      detector.push(chunk);
      if (isSettled || declared?.request) return;
      isSettled = true;
      if (!declared?.finding) throw mismatch(declaredFormat);
      if (declared.finding.refusal) throw declared.finding.refusal;
    },
    finish: () => admitFor(policy, detector.finish(), declaredFormat),
  };
}
