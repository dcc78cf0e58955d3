// The website: README.md, CHANGELOG.md, CONTRIBUTING.md and docs/ as they are; Maven puts the Javadoc beside them, into target/site/apidocs.
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const root = fileURLToPath(new URL('../..', import.meta.url))
const site = join(root, 'target/site')
// The folder of its server that the site is put into, such as /diffsvd/.
const base = process.env.SITE_BASE ?? '/'

const page = (file) => '/' + file.replace(/README\.md$/, '').replace(/\.md$/, '.html')
const decisions = readdirSync(join(root, 'docs/decisions'))
  .filter((name) => /^\d/.test(name))
  .sort()
  .map((name) => 'docs/decisions/' + name)
  .map((file) => ({ text: readFileSync(join(root, file), 'utf8').match(/^# (.*)/m)[1], link: page(file) }))
const javadoc = { text: 'Javadoc', link: '/apidocs/index.html', target: '_self' }

// A link of GitHub's reading becomes one of the site's: README.md is a folder's page, what is no page is a file beside the pages, and source code, which
// the site does not have, stays as words.
function siteLinks(markdown) {
  markdown.core.ruler.push('site-links', ({ tokens, env }) => {
    for (const { children } of tokens.filter(({ type }) => type === 'inline')) {
      let opened
      for (const token of children) {
        if (token.type === 'link_close' && opened?.tag === 'span') token.tag = 'span'
        if (token.type !== 'link_open') continue
        opened = token
        const [path, anchor] = token.attrGet('href').split('#')
        if (!path || /^\w+:/.test(path)) continue
        let file = relative(root, join(dirname(env.path), decodeURI(path)))
        if (existsSync(join(root, file, 'README.md'))) file = join(file, 'README.md')
        if (extname(file) === '.md') {
          token.attrSet('href', page(file) + (anchor ? '#' + anchor : ''))
        } else if (file.startsWith('docs/') && statSync(join(root, file)).isFile()) {
          token.attrSet('href', base + file)
          token.attrSet('target', '_self')
        } else if (existsSync(join(root, file))) {
          token.tag = 'span'
          token.attrs = null
        }
      }
    }
  })
}

// The pages lie above node_modules, so a search that starts from a page does not come by Vue.
const vueForPages = {
  name: 'vue-for-pages',
  enforce: 'pre',
  resolveId(id, page, options) {
    if (/^vue($|\/)/.test(id) && page?.startsWith(root) && !page.startsWith(join(root, 'site/'))) {
      return this.resolve(id, join(root, 'site/package.json'), { ...options, skipSelf: true })
    }
  }
}

export default defineConfig({
  title: 'diffsvd',
  description: 'Batched, differentiable singular value decomposition for the JVM, on NVIDIA GPUs and on the CPU',
  lang: 'en-GB',
  base,
  srcDir: root,
  srcExclude: ['**/target/**', '**/node_modules/**', '.github/**'],
  outDir: site,
  rewrites: (file) => file.replace(/README\.md$/, 'index.md'),
  ignoreDeadLinks: true, // check-links.mjs looks at what was built, Javadoc, files and anchors too
  vite: { plugins: [vueForPages] },
  markdown: { config: siteLinks },
  buildEnd() {
    const kept = (file) => statSync(file).isDirectory() || ['.html', '.json', '.txt', '.png'].includes(extname(file))
    cpSync(join(root, 'docs'), join(site, 'docs'), { recursive: true, filter: kept })
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Quick start', link: '/#two-commands' },
      javadoc,
      { text: 'Numerics', link: '/docs/numerics.html' },
      { text: 'Changelog', link: '/CHANGELOG.html' }
    ],
    sidebar: [
      {
        text: 'diffsvd',
        items: [
          { text: 'What and why', link: '/' },
          { text: 'Two commands', link: '/#two-commands' },
          { text: 'Ten lines of Java', link: '/#ten-lines-of-java' },
          { text: 'Depending on it', link: '/docs/using.html' },
          { text: 'In other pipelines', link: '/docs/pipelines.html' },
          { text: 'Apache Spark', link: '/docs/spark.html' },
          { text: 'Examples', link: '/examples/' },
          { text: 'Inside a training loop', link: '/#inside-a-training-loop' },
          { text: 'On the command line', link: '/#on-the-command-line' },
          { text: 'When something is wrong', link: '/#when-something-is-wrong' }
        ]
      },
      {
        text: 'Reference',
        items: [
          javadoc,
          { text: 'Numerics', link: '/docs/numerics.html' },
          { text: 'GPU hosts', link: '/docs/gpu.html' },
          { text: 'Recovering pictures', link: '/docs/recover.html' }
        ]
      },
      {
        text: 'Measured',
        items: [
          { text: 'Speed on the CPU', link: '/docs/benchmarks/cpu.html' },
          { text: 'Speed on a GPU', link: '/docs/benchmarks/gpu.html' },
          { text: 'What binds the GPU kernels', link: '/docs/benchmarks/gpu-model.html' },
          { text: 'Accuracy', link: '/docs/benchmarks/accuracy.html' },
          { text: "The paper's experiments", link: '/docs/experiments/' }
        ]
      },
      { text: 'Decisions', collapsed: true, link: '/docs/decisions/', items: decisions },
      {
        text: 'Reliability',
        items: [
          { text: 'What is promised', link: '/docs/reliability.html' },
          { text: 'Random search', link: '/docs/stress/search.html' },
          { text: 'The stress report', link: '/docs/stress/report.html', target: '_self' }
        ]
      },
      {
        text: 'Project',
        items: [
          { text: 'Changelog', link: '/CHANGELOG.html' },
          { text: 'Taking part', link: '/CONTRIBUTING.html' }
        ]
      }
    ]
  }
})
