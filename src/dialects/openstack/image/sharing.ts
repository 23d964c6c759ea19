import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { ImageMember } from '../../../cloud/images/members.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { isoSeconds } from '../common/time.ts';
import { exampleId, ImageParams, idOf } from './resource.ts';

const common = { dialect: 'image', group: 'image members', mode: 'sync', errors: [401, 403, 404] } as const;
const path = '/v2/images/{image_id}/members';

const statuses = ['pending', 'accepted', 'rejected'] as const;

/** The members of a member, as clients read them and as its schema document tells. */
export const memberProperties = {
  member_id: Type.String({ description: 'An identifier for the image member (tenantId)' }),
  image_id: Type.String({ description: 'An identifier for the image' }),
  status: Type.Union(
    statuses.map((status) => Type.Literal(status)),
    { description: 'The status of this image member' },
  ),
  created_at: Type.String({ description: 'Date and time of image member creation' }),
  updated_at: Type.String({ description: 'Date and time of last modification of image member' }),
  schema: Type.String(),
};

const MemberDocument = Type.Object(memberProperties);

const MemberParams = Type.Object({
  ...ImageParams.properties,
  member_id: Type.String({ description: 'Id of the project.' }),
});

function memberView(member: ImageMember) {
  return {
    member_id: member.projectId,
    image_id: withDashes(member.imageId),
    status: member.status,
    created_at: isoSeconds(member.createdAt),
    updated_at: isoSeconds(member.updatedAt),
    schema: '/v2/schemas/member',
  };
}

/** Projects are known by 32 digits; whatever else is named is the id of none, and shared with nobody. */
const projectOf = (text: string) => parseId(text) ?? text;

const exampleMember = '8989447062e04a818baf9e073fd04fa7';
const example = {
  member_id: exampleMember,
  image_id: exampleId,
  status: 'pending' as const,
  created_at: '2026-01-31T10:00:00Z',
  updated_at: '2026-01-31T10:00:00Z',
  schema: '/v2/schemas/member',
};

const listMembers = operation({
  ...common,
  id: 'ListImageMembers',
  method: 'GET',
  path,
  allow: 'reader',
  params: ImageParams,
  responses: { 200: Type.Object({ members: Type.Array(MemberDocument), schema: Type.String() }) },
  title: 'List image members',
  summary: 'The projects that a shared image is shared with. A member sees itself alone.',
  examples: [
    {
      title: 'One member',
      params: { image_id: exampleId },
      status: 200,
      response: { members: [example], schema: '/v2/schemas/members' },
    },
  ],
  async handle({ cloud, subject, params }) {
    const members = await cloud.images.members.list(subject, idOf(params));
    return { body: { members: members.map(memberView), schema: '/v2/schemas/members' } };
  },
});

const showMember = operation({
  ...common,
  id: 'ShowImageMember',
  method: 'GET',
  path: `${path}/{member_id}`,
  allow: 'reader',
  params: MemberParams,
  responses: { 200: MemberDocument },
  title: 'Show an image member',
  summary: 'One member, and whether it has accepted the image.',
  examples: [
    { title: 'A member', params: { image_id: exampleId, member_id: exampleMember }, status: 200, response: example },
  ],
  async handle({ cloud, subject, params }) {
    const member = await cloud.images.members.get(subject, idOf(params), projectOf(params.member_id));
    return { body: memberView(member) };
  },
});

const createMember = operation({
  ...common,
  id: 'CreateImageMember',
  method: 'POST',
  path,
  allow: 'member',
  params: ImageParams,
  body: Type.Object({ member: Type.String({ minLength: 1, maxLength: 255, description: 'Id of the project.' }) }),
  responses: { 200: MemberDocument },
  errors: [400, 401, 403, 404, 409, 413],
  title: 'Create an image member',
  summary: 'Shares an image with a project. It can use the image, and lists it once it has accepted.',
  examples: [
    {
      title: 'Share',
      params: { image_id: exampleId },
      body: { member: exampleMember },
      status: 200,
      response: example,
    },
  ],
  async handle({ cloud, subject, params, body }) {
    return { body: memberView(await cloud.images.members.add(subject, idOf(params), projectOf(body.member))) };
  },
});

const updateMember = operation({
  ...common,
  id: 'UpdateImageMember',
  method: 'PUT',
  path: `${path}/{member_id}`,
  allow: 'member',
  params: MemberParams,
  body: Type.Object({ status: memberProperties.status }),
  responses: { 200: MemberDocument },
  errors: [400, 401, 403, 404],
  title: 'Update an image member',
  summary: "Whether the member accepts the image: for the member itself, and nobody else's to say.",
  examples: [
    {
      title: 'Accept',
      params: { image_id: exampleId, member_id: exampleMember },
      body: { status: 'accepted' },
      status: 200,
      response: { ...example, status: 'accepted' },
    },
  ],
  async handle({ cloud, subject, params, body }) {
    const project = projectOf(params.member_id);
    return { body: memberView(await cloud.images.members.answer(subject, idOf(params), project, body.status)) };
  },
});

const deleteMember = operation({
  ...common,
  id: 'DeleteImageMember',
  method: 'DELETE',
  path: `${path}/{member_id}`,
  allow: 'member',
  params: MemberParams,
  responses: { 204: null },
  title: 'Delete an image member',
  summary: 'Ends the sharing with a project. Only the owner of the image does.',
  examples: [{ title: 'A member', params: { image_id: exampleId, member_id: exampleMember }, status: 204 }],
  async handle({ cloud, subject, params }) {
    await cloud.images.members.remove(subject, idOf(params), projectOf(params.member_id));
    return {};
  },
});

export const memberOperations = [listMembers, createMember, showMember, updateMember, deleteMember];
