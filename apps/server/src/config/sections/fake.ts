import { section, wholeNumber } from '../fields.ts';

const ms = () => wholeNumber(0).default(0);

export const fakeSection = section({
  image_ms: ms().describe('Milliseconds an image takes to be there.'),
  create_ms: ms().describe('Milliseconds a create takes.'),
  start_ms: ms().describe('Milliseconds a start takes.'),
  destroy_ms: ms().describe('Milliseconds a removal takes.'),
  agent_ms: ms().describe('Milliseconds the agent takes to answer after the start.'),
});
