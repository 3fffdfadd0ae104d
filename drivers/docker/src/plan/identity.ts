import { formatLabels } from '../labels.ts';
import type { PlanStep } from './plan-step.ts';

export const planIdentity: PlanStep = (draft, { record, settings }) => ({
  ...draft,
  Image: record.spec.source.kind === 'image' ? record.spec.source.uri : record.spec.source.image,
  Labels: formatLabels(record, settings.instance),
});
