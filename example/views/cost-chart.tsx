import type { VNode } from 'preact'
import { categories, YEAR } from '../data.js'
import { divisionLabel } from '../divisions.js'
import { type ChartSize, costChart } from './chart.js'

interface CostChartProps {
  readonly division: number
}

/** The costs of each month, with the plan. Works without a script; a table beside the chart has the same figures. */
export function CostChart({ division }: CostChartProps): VNode {
  const label = `Costs a month in ${YEAR} by category, against the plan: ${divisionLabel(division)}. The table has the same figures.`
  return (
    <figure class="chart">
      <figcaption>
        <ul class="legend">
          {categories.map((category, index) => (
            <li key={category} class={`swatch series-${index + 1}`}>
              {category}
            </li>
          ))}
          <li class="swatch plan">Plan</li>
        </ul>
      </figcaption>
      <Drawing division={division} size="wide" label={label} />
      <Drawing division={division} size="narrow" label={label} />
    </figure>
  )
}

interface DrawingProps extends CostChartProps {
  readonly size: ChartSize
  readonly label: string
}

function Drawing({ division, size, label }: DrawingProps): VNode {
  return (
    <div
      class={`drawing ${size}`}
      role="img"
      aria-label={label}
      // ECharts escapes the texts that it draws.
      dangerouslySetInnerHTML={{ __html: costChart(division, size) }}
    />
  )
}
