package io.github.diffsvd;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A call of a plan, as Java Flight Recorder sees it. */
@Name("io.github.diffsvd.Call")
@Label("Call of a plan")
@Category("diffsvd")
@Description("On a GPU until the work is queued, on the CPU until it is done")
@StackTrace(false)
final class CallEvent extends Event {
  @Label("Plan")
  String plan;

  @Label("Operation")
  String operation;

  @Label("Type")
  String type;

  @Label("Batch")
  int batch;

  @Label("Rows")
  int rows;

  @Label("Columns")
  int columns;

  @Label("Choices")
  @Description("What the plan chose for its shape")
  String choices;

  @Label("Arguments")
  @Description("Bytes that are read and written")
  @DataAmount
  long bytes;

  @Label("Device")
  String device;

  /** A running one; null where nobody records it. */
  static CallEvent start() {
    // An object that is asked this and dropped is never made, once this is compiled.
    if (!new CallEvent().isEnabled()) {
      return null;
    }
    CallEvent event = new CallEvent();
    event.begin();
    return event;
  }

  /**
   * Says what it is of.
   *
   * @param choices the plan's, which take time to put in words
   */
  void describe(Plan plan, String operation, String choices, long bytes) {
    this.plan = plan.getClass().getSimpleName();
    this.operation = operation;
    type = plan.shape.type().toString();
    batch = plan.shape.batch();
    rows = plan.shape.rows();
    columns = plan.shape.columns();
    this.choices = choices;
    this.bytes = bytes;
    device = plan.device.name();
  }
}
