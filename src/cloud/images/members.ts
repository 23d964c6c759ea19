import { ConstraintViolation, type Tx } from '../../database/database.ts';
import type { ImageMembersTable } from '../../database/schema.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { type Image, isGone } from './model.ts';
import type { ImageParts } from './parts.ts';
import { mayKnow, noSuchImage } from './rights.ts';

/** A project that an image is shared with. Times are microseconds since the epoch. */
export interface ImageMember {
  imageId: string;
  projectId: string;
  /** Only accepted images are among those that the member lists; it can use all of them. */
  status: 'pending' | 'accepted' | 'rejected';
  createdAt: number;
  updatedAt: number;
}

const maxMembers = 128;

/** Sharing of an image with single projects: its owner chooses them, and each says whether it wants the image. */
export class Members {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  /** All members for the owner; a member learns of itself alone. Throws `not_found`, `forbidden` (not a shared image). */
  async list(subject: Subject, imageId: string): Promise<ImageMember[]> {
    const { db } = this.#parts.core;
    const image = await this.#shared(subject, imageId);
    const rows = await db.read
      .selectFrom('image_members')
      .selectAll()
      .where('image_id', '=', imageId)
      .orderBy('created_at')
      .orderBy('project_id')
      .execute();
    const isOwner = ownsOrAdmin(subject, image.projectId);
    return rows.filter((row) => isOwner || row.project_id === subject.projectId).map(memberFromRow);
  }

  async get(subject: Subject, imageId: string, projectId: string): Promise<ImageMember> {
    const member = (await this.list(subject, imageId)).find((one) => one.projectId === projectId);
    if (!member) throw noMember(imageId, projectId);
    return member;
  }

  /** Shares the image; the member is asked (`pending`). Throws `not_found`, `forbidden`, `duplicate`, `too_large`. */
  async add(subject: Subject, imageId: string, projectId: string): Promise<ImageMember> {
    const { core } = this.#parts;
    const added = core.db.write(async (tx) => {
      const image = await this.#shared(subject, imageId, tx);
      this.#requireOwner(subject, image);
      const known = await tx.selectFrom('image_members').select('project_id').where('image_id', '=', imageId).execute();
      if (known.some((row) => row.project_id === projectId)) throw duplicate(imageId, projectId);
      if (known.length >= maxMembers) {
        throw new CloudError(
          'too_large',
          `The limit has been exceeded on the number of allowed image members for this image. Attempted: ${known.length + 1}, Maximum: ${maxMembers}`,
          { reason: 'too_many_members' },
        );
      }
      const now = core.env.now();
      const row: ImageMembersTable = {
        image_id: imageId,
        project_id: projectId,
        status: 'pending',
        created_at: now,
        updated_at: now,
      };
      await tx.insertInto('image_members').values(row).execute();
      return memberFromRow(row);
    });
    return await added.catch((error) => {
      const isTaken = error instanceof ConstraintViolation && error.kind === 'unique';
      throw isTaken ? duplicate(imageId, projectId, error) : error;
    });
  }

  /** The member's own answer; nobody else gives it. Throws `not_found`, `forbidden`. */
  async answer(
    subject: Subject,
    imageId: string,
    projectId: string,
    status: ImageMember['status'],
  ): Promise<ImageMember> {
    const { core } = this.#parts;
    return await core.db.write(async (tx) => {
      await this.#shared(subject, imageId, tx);
      const row = await tx
        .selectFrom('image_members')
        .selectAll()
        .where('image_id', '=', imageId)
        .where('project_id', '=', projectId)
        .executeTakeFirst();
      if (!row) throw noMember(imageId, projectId);
      if (!subject.isAdmin && subject.projectId !== projectId) {
        throw new CloudError('forbidden', 'Only the member itself may say whether it accepts the image.', {
          reason: 'not_member',
        });
      }
      const changed = { ...row, status, updated_at: core.env.now() };
      await tx
        .updateTable('image_members')
        .set({ status, updated_at: changed.updated_at })
        .where('image_id', '=', imageId)
        .where('project_id', '=', projectId)
        .execute();
      return memberFromRow(changed);
    });
  }

  /** Ends the sharing. Servers that the member made of the image stay. Throws `not_found`, `forbidden`. */
  async remove(subject: Subject, imageId: string, projectId: string): Promise<void> {
    await this.#parts.core.db.write(async (tx) => {
      const image = await this.#shared(subject, imageId, tx);
      this.#requireOwner(subject, image);
      const removed = await tx
        .deleteFrom('image_members')
        .where('image_id', '=', imageId)
        .where('project_id', '=', projectId)
        .executeTakeFirst();
      if (removed.numDeletedRows === 0n) throw noMember(imageId, projectId);
    });
  }

  async #shared(subject: Subject, imageId: string, tx?: Tx): Promise<Image> {
    const { rows } = this.#parts;
    const image = tx ? await rows.imageForUpdate(imageId, tx) : await rows.image(imageId);
    if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(imageId);
    if (image.visibility === 'shared') return image;
    throw new CloudError('forbidden', 'Only shared images have members.', { reason: 'not_shared', id: imageId });
  }

  #requireOwner(subject: Subject, image: Image): void {
    if (ownsOrAdmin(subject, image.projectId)) return;
    throw new CloudError('forbidden', 'You are not permitted to change the members of this image.', {
      reason: 'not_owner',
    });
  }
}

function memberFromRow(row: ImageMembersTable): ImageMember {
  return {
    imageId: row.image_id,
    projectId: row.project_id,
    status: row.status,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function noMember(imageId: string, projectId: string): CloudError {
  return notFound('member', projectId, `${projectId} not found in the member list of the image ${imageId}.`);
}

function duplicate(imageId: string, projectId: string, cause?: unknown): CloudError {
  return new CloudError('duplicate', `Image ${imageId} is already shared with ${projectId}.`, {
    resource: 'member',
    id: projectId,
    cause,
  });
}
