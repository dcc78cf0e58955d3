package io.github.diffsvd;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The command line on top, then the programs that it starts; all on the library's API alone. */
@AnalyzeClasses(
    packages = "io.github.diffsvd",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String API = "io.github.diffsvd";
  private static final String CLI = API + ".cli..";
  private static final String REPORT = API + ".report..";

  @ArchTest
  static final ArchRule theToolsKnowNothingInternal =
      noClasses()
          .that()
          .resideInAnyPackage(
              CLI, REPORT, API + ".recover..", API + ".stress..", API + ".compare..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(API + ".internal..", "jcuda..", "org.bytedeco..");

  @ArchTest
  static final ArchRule nothingBelowKnowsTheCommandLine =
      noClasses()
          .that()
          .resideOutsideOfPackage(CLI)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(CLI, "picocli..");

  @ArchTest
  static final ArchRule onlyReportsShowProgress =
      noClasses()
          .that()
          .resideOutsideOfPackage(REPORT)
          .should()
          .dependOnClassesThat()
          .resideInAPackage("me.tongfei..");

  @ArchTest
  static final ArchRule reportsStandOnTheirOwn =
      noClasses()
          .that()
          .resideInAPackage(REPORT)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(CLI, API + ".recover..", API + ".stress..", API + ".compare..");
}
