/**
 * Files that are replaced at once, what commands check before they write, and why a file failed.
 */
package io.github.diffsvd.files;
