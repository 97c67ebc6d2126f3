import { type Filter, filterSchema } from './filter.js'

const orders = [
  { id: 1, region: 'north', size: 'small' },
  { id: 2, region: 'south', size: 'small' },
  { id: 3, region: 'north', size: 'large' },
]

function select(key: keyof Filter, filter: Filter): string {
  const options = filterSchema.shape[key].options.map(
    (value) => `<option${value === filter[key] ? ' selected' : ''}>${value}</option>`,
  )
  return `<select name="${key}" aria-label="${key}" autocomplete="off">${options.join('')}</select>`
}

function row({ id, region, size }: (typeof orders)[number], filter: Filter): string {
  const isShown = ['all', region].includes(filter.region) && ['all', size].includes(filter.size)
  return `<li data-region="${region}" data-size="${size}"${isShown ? '' : ' hidden'}>order ${id}</li>`
}

/** @param more additional HTML for the script */
export function view(filter: Filter, isSignedIn: boolean, more = ''): string {
  const account = isSignedIn
    ? '<form method="post" action="/sign-out"><button>sign out everywhere</button></form>'
    : '<form method="post" action="/sign-in"><input name="user"><button>sign in</button></form>'
  return `<!doctype html>
    <nav>${select('region', filter)} ${select('size', filter)} <span role="status"></span> ${account}</nav>
    <ul>${orders.map((order) => row(order, filter)).join('')}</ul>
    ${more}<script defer src="/browser.js"></script>`
}
