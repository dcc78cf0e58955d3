// Every link and picture of the pages in target/site leads to a file there, and every anchor to an element of its page. Javadoc looks after its own pages.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const site = fileURLToPath(new URL('../target/site', import.meta.url))
const base = process.env.SITE_BASE ?? '/'
const pages = readdirSync(site, { recursive: true }).filter((name) => name.endsWith('.html') && !name.startsWith('apidocs/') && name !== '404.html')
let count = 0
const dead = []
for (const name of pages) {
  const html = readFileSync(join(site, name), 'utf8').replace(/<script[\s\S]*?<\/script>/g, '')
  for (const [, link] of html.matchAll(/<(?:a|img|link)\b[^>]*?\s(?:href|src)="([^"]*)"/g)) {
    if (/^(\w+:|\/\/)/.test(link)) continue
    count++
    const [path, anchor] = decodeURI(link).split('#')
    let file = path === '' ? join(site, name) : path.startsWith('/') ? join(site, path.slice(base.length)) : join(site, dirname(name), path)
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html')
    if (!existsSync(file) || (anchor && !readFileSync(file, 'utf8').includes(`id="${anchor}"`))) dead.push(`${name}: ${link}`)
  }
}
console.log(`${count} links on ${pages.length} pages, ${dead.length} dead`)
for (const line of new Set(dead)) console.error(line)
process.exitCode = count > 0 && dead.length === 0 ? 0 : 1
