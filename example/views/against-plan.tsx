import type { VNode } from 'preact'
import type { CostFigures } from '../figures.js'
import { money, share } from './format.js'
import { KeyFigure } from './key-figures.js'

interface AgainstPlanProps {
  readonly figures: CostFigures
}

/** Shows how far the year's costs are from the plan. */
export function AgainstPlan({ figures: { total, plan } }: AgainstPlanProps): VNode {
  const difference = total - plan
  return (
    <KeyFigure label="Against plan" value={money(Math.abs(difference))}>
      <span class={difference > 0 ? 'trend over' : 'trend under'}>{share(Math.abs(difference) / plan)}</span>
      {difference > 0 ? ' over the plan of ' : ' under the plan of '}
      {money(plan)}
    </KeyFigure>
  )
}
