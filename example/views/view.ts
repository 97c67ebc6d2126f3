import type { FunctionComponent } from 'preact'
import type { ViewPath } from '../protocol.js'
import { Costs } from './costs.js'
import { Home } from './home.js'
import { Projects } from './projects.js'

export interface ViewProps {
  readonly division: number
}

export interface View {
  readonly title: string
  readonly Content: FunctionComponent<ViewProps>
}

export const views: Readonly<Record<ViewPath, View>> = {
  '/': { title: 'Home', Content: Home },
  '/projects': { title: 'Projects', Content: Projects },
  '/costs': { title: 'Costs', Content: Costs },
}
