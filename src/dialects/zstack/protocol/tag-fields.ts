/** Members of every changing request that name tags for the resource; beside the fields or among them. */
export const tagFields = ['systemTags', 'userTags'] as const;
