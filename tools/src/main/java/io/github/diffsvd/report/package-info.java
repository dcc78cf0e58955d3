/**
 * Charts, pages, JSON, a line of progress, and files that are replaced in one step: what the
 * reports are made of.
 */
package io.github.diffsvd.report;
