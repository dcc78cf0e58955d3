package io.github.diffsvd;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** A plan that is made, as Java Flight Recorder sees it. */
@Name("io.github.diffsvd.Plan")
@Label("Making of a plan")
@Category("diffsvd")
final class PlanEvent extends Event {
  @Label("Plan")
  String plan;

  @Label("Workspace")
  @DataAmount
  long workspaceBytes;

  @Label("Device")
  String device;

  /** A running one; null where nobody records it. */
  static PlanEvent start() {
    PlanEvent event = new PlanEvent();
    if (!event.isEnabled()) {
      return null;
    }
    event.begin();
    return event;
  }

  void commit(Plan made) {
    plan = made.getClass().getSimpleName() + " " + made.shape + made.choices();
    workspaceBytes = made.workspaceBytes();
    device = made.device.name();
    commit();
  }
}
