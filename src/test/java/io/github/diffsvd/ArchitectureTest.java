package io.github.diffsvd;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The API on top, then the checking layer, then the backends; .npy files beside them. */
@AnalyzeClasses(
    packages = "io.github.diffsvd",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String API = "io.github.diffsvd";
  private static final String FILES = API + ".files..";
  private static final String NPY = API + ".npy..";
  private static final String INTEROP = API + ".interop..";
  private static final String BACKENDS = API + ".internal.backend..";
  private static final String CUDA = API + ".internal.backend.cuda..";
  private static final String CPU = API + ".internal.backend.cpu..";

  /** What a backend may know of the public API: values and exceptions. */
  private static final DescribedPredicate<JavaClass> VALUES =
      named(
          "io\\.github\\.diffsvd\\.(BatchShape|DataType|MatrixBatch|SvdAlgorithm|\\w+Exception)(\\$.*)?");

  private static final DescribedPredicate<JavaClass> BACKEND =
      named("io\\.github\\.diffsvd\\.internal\\.backend\\.Backend");

  private static DescribedPredicate<JavaClass> named(String pattern) {
    return DescribedPredicate.describe("named " + pattern, type -> type.getName().matches(pattern));
  }

  @ArchTest
  static final ArchRule jcudaStaysInTheCudaBackendAndAtTheDoor =
      noClasses()
          .that()
          .resideOutsideOfPackages(CUDA, INTEROP)
          .should()
          .dependOnClassesThat()
          .resideInAPackage("jcuda..");

  @ArchTest
  static final ArchRule openblasStaysInTheCpuBackend =
      noClasses()
          .that()
          .resideOutsideOfPackage(CPU)
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.bytedeco.openblas..");

  @ArchTest
  static final ArchRule rawPointersStayInTheBackendsAndAtTheDoor =
      noClasses()
          .that()
          .resideOutsideOfPackages(BACKENDS, INTEROP)
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.bytedeco..");

  @ArchTest
  static final ArchRule theApiReachesBackendsThroughTheCheckingLayer =
      noClasses()
          .that()
          .resideInAPackage(API)
          .should()
          .dependOnClassesThat(resideInAnyPackage(CUDA, CPU).or(named(".*backend\\.SvdBuffers")));

  @ArchTest
  static final ArchRule onlyTheCheckingLayerCallsABackend =
      noClasses()
          .that(
              resideInAPackage(API)
                  .or(
                      resideInAPackage(BACKENDS)
                          .and(not(named(".*backend\\.(CheckedBackend|Lease|Devices)")))))
          .should()
          .callMethodWhere(target(owner(BACKEND)))
          .because("CheckedBackend and its leases stand between");

  @ArchTest
  static final ArchRule backendsKnowOnlyValuesOfTheApi =
      noClasses()
          .that()
          .resideInAPackage(BACKENDS)
          .should()
          .dependOnClassesThat(resideInAPackage(API).and(not(VALUES)))
          .orShould()
          .dependOnClassesThat(resideInAPackage(NPY));

  @ArchTest
  static final ArchRule backendsDoNotKnowOneAnother =
      noClasses()
          .that()
          .resideInAPackage(CUDA)
          .should()
          .dependOnClassesThat()
          .resideInAPackage(CPU);

  @ArchTest
  static final ArchRule theLibraryNeedsNothingButItsBackends =
      classes()
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              API + "..",
              "java..",
              "jdk.jfr..",
              "jcuda..",
              "org.bytedeco.javacpp..",
              "org.bytedeco.openblas..");

  @ArchTest
  static final ArchRule filesAndNpyStandOnTheirOwn =
      noClasses()
          .that()
          .resideInAnyPackage(FILES, NPY)
          .should()
          .dependOnClassesThat(
              resideInAPackage(API + "..")
                  .and(not(resideInAnyPackage(FILES, NPY)))
                  .and(not(VALUES)));

  @Test
  void everyContractSuiteHasTheTagThatTakesItToAGpu() {
    classes()
        .that()
        .haveSimpleNameEndingWith("Test")
        .should()
        .beAnnotatedWith(Tag.class)
        .check(new ClassFileImporter().importPackages("io.github.diffsvd.contract"));
  }
}
