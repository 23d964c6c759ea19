/** Members of every changing request that name tags for the resource; beside the fields or among them. */
export const tagFields = ['systemTags', 'userTags'] as const;

/** What the requests that make something say of its tags. */
export interface Tags {
  systemTags?: string[];
  userTags?: string[];
  /** Patterns of tags that it is to have a tag of. */
  tagUuids?: string[];
}
