package io.github.diffsvd.cli;

/** What the user gave cannot be used: the message says "FILE: reason"; exit status 2. */
final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1;

  InputException(String message) {
    super(message);
  }

  InputException(String message, Throwable cause) {
    super(message, cause);
  }
}
